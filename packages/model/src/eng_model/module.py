"""BaseModule: a module that knows how its weights begin, and torch's containers with the same knowledge."""

from __future__ import annotations

import copy
import logging
from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from eng_registry import MODELS

from .protocols import InitCfg
from .weights.apply import initialize
from .weights.pretrained import PretrainedInit
from .weights.record import is_recording, recording, update_init_info

_logger = logging.getLogger(__name__)


class BaseModule(nn.Module, ABC):
    """A module with an initialisation, `init_cfg`, that `init_weights` carries out.

    >>> class Head(BaseModule):
    ...     def __init__(self, init_cfg=None):
    ...         super().__init__(init_cfg)
    ...         self.fc = nn.Linear(1, 1)
    >>> head = Head(dict(type="Constant", layer="Linear", val=2.0))
    >>> head.init_weights()
    >>> head.fc.weight.item(), head.is_init
    (2.0, True)
    """

    def __init__(self, init_cfg: InitCfg = None) -> None:
        super().__init__()
        self._is_init = False
        self.seed_at_init = torch.initial_seed()
        """The seed of torch when the module was made, from which its initial weights follow."""
        self.init_cfg = copy.deepcopy(init_cfg)

    @property
    def is_init(self) -> bool:
        """Whether `init_weights` has run; set it to keep weights that came from elsewhere."""
        return self._is_init

    @is_init.setter
    def is_init(self, value: bool) -> None:
        self._is_init = value

    def init_weights(self) -> None:
        """Initialise the weights, once.

        The module's own `init_cfg` comes first, then the `init_weights` of its children, which therefore win,
        then pretrained weights of the module, which win over both. How each parameter got its value is logged at
        level DEBUG. A second call only warns.
        """
        if self._is_init:
            _logger.warning(
                "init_weights of %s has been called before; the weights stay as they are", type(self).__name__
            )
        elif is_recording(self):
            self._init_weights()
        else:
            with recording(self):
                self._init_weights()

    def _init_weights(self) -> None:
        cfgs = _as_list(self.init_cfg)
        own = [cfg for cfg in cfgs if not _is_pretrained(cfg)]
        pretrained = [cfg for cfg in cfgs if _is_pretrained(cfg)]
        if own:
            initialize(self, own)
        for child in self.children():
            self._init_child(child)
        if pretrained:
            initialize(self, pretrained)
        self._is_init = True

    def _init_child(self, child: nn.Module) -> None:
        """Let a child initialise itself if it can; a wrapper that cannot stands for what it wraps."""
        if not hasattr(child, "init_weights") and isinstance(
            inner := getattr(child, "module", None), nn.Module
        ):
            child = inner
        if hasattr(child, "init_weights") and not getattr(child, "is_init", False):
            child.init_weights()  # type: ignore[operator]  # nn.Module's attributes are tensors or modules to mypy
            update_init_info(child, f"Initialized by user-defined `init_weights` in {type(child).__name__}")

    def __repr__(self) -> str:
        text = super().__repr__()
        return f"{text}\ninit_cfg={self.init_cfg}" if self.init_cfg else text


@MODELS.register_module()
class Sequential(BaseModule, nn.Sequential):
    """`torch.nn.Sequential` with an `init_cfg`."""

    def __init__(self, *args: Any, init_cfg: InitCfg = None) -> None:
        BaseModule.__init__(self, init_cfg)
        nn.Sequential.__init__(self, *args)


class ModuleList(BaseModule, nn.ModuleList):
    """`torch.nn.ModuleList` with an `init_cfg`."""

    def __init__(self, modules: Iterable[nn.Module] | None = None, init_cfg: InitCfg = None) -> None:
        BaseModule.__init__(self, init_cfg)
        nn.ModuleList.__init__(self, modules)


class ModuleDict(BaseModule, nn.ModuleDict):
    """`torch.nn.ModuleDict` with an `init_cfg`."""

    def __init__(self, modules: Mapping[str, nn.Module] | None = None, init_cfg: InitCfg = None) -> None:
        BaseModule.__init__(self, init_cfg)
        nn.ModuleDict.__init__(self, modules)


def _as_list(init_cfg: InitCfg) -> list[Mapping[str, Any]]:
    if not init_cfg:
        return []
    cfgs = [init_cfg] if isinstance(init_cfg, Mapping) else init_cfg
    if not isinstance(cfgs, (list, tuple)) or not all(isinstance(cfg, Mapping) for cfg in cfgs):
        raise TypeError(f"init_cfg has to be a mapping or a list of them, not {init_cfg!r}")
    return list(cfgs)


def _is_pretrained(cfg: Mapping[str, Any]) -> bool:
    return cfg.get("type") in ("Pretrained", PretrainedInit)
