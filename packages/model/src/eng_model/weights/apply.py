"""The registered initializers, and which layer each of them touches when a configuration is carried out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import nn

from eng_registry import WEIGHT_INITIALIZERS, suggest

from ..protocols import InitCfg
from .record import is_recording, update_init_info
from .rules import (
    Distribution,
    bias_init_with_prob,
    caffe2_xavier_init,
    constant_init,
    kaiming_init,
    normal_init,
    trunc_normal_init,
    uniform_init,
    xavier_init,
)

logger = logging.getLogger(__name__)


class BaseInit(ABC):
    """An initializer for every layer whose class, or a direct base of it, is named in `layer`.

    `bias` is the constant for biases; `bias_prob` instead gives the bias of a classifier that begins with
    that probability. With no `layer` nothing matches, except inside an `override`, which takes a submodule
    whole.
    """

    def __init__(
        self, *, bias: float = 0, bias_prob: float | None = None, layer: str | Sequence[str] | None = None
    ) -> None:
        if not isinstance(bias, (int, float)):
            raise TypeError(f"bias has to be a number, not a {type(bias).__name__}")
        if bias_prob is not None and not isinstance(bias_prob, float):
            raise TypeError(f"bias_prob has to be a float, not a {type(bias_prob).__name__}")
        self.bias = bias if bias_prob is None else bias_init_with_prob(bias_prob)
        self.layer = _names(layer)
        self.wholemodule = False

    @abstractmethod
    def fill(self, module: nn.Module) -> None:
        """Initialise this one layer."""

    def __call__(self, module: nn.Module) -> None:
        """Initialise the matching layers of the module, innermost first."""
        module.apply(self._fill_if_named)
        if is_recording(module):
            update_init_info(module, repr(self))

    def _fill_if_named(self, module: nn.Module) -> None:
        kind = type(module)
        if self.wholemodule or any(name in self.layer for name in (kind.__name__, *_names_of_bases(kind))):
            self.fill(module)

    def __repr__(self) -> str:
        hidden = ("layer", "wholemodule")
        settings = ", ".join(f"{name}={value}" for name, value in vars(self).items() if name not in hidden)
        return f"{type(self).__name__}: {settings}"


@WEIGHT_INITIALIZERS.register_module(name="Constant")
class ConstantInit(BaseInit):
    """Weights of one value.

    >>> layer = nn.Linear(1, 1)
    >>> ConstantInit(val=1, bias=2, layer="Linear")(layer)
    >>> layer.weight.item(), layer.bias.item()
    (1.0, 2.0)
    """

    def __init__(self, val: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.val = val

    def fill(self, module: nn.Module) -> None:
        """See `constant_init`."""
        constant_init(module, self.val, self.bias)


@WEIGHT_INITIALIZERS.register_module(name="Xavier")
class XavierInit(BaseInit):
    """Weights after Glorot and Bengio."""

    def __init__(self, gain: float = 1, distribution: Distribution = "normal", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gain = gain
        self.distribution: Distribution = distribution

    def fill(self, module: nn.Module) -> None:
        """See `xavier_init`."""
        xavier_init(module, self.gain, self.bias, self.distribution)


@WEIGHT_INITIALIZERS.register_module(name="Normal")
class NormalInit(BaseInit):
    """Normally distributed weights."""

    def __init__(self, mean: float = 0, std: float = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean = mean
        self.std = std

    def fill(self, module: nn.Module) -> None:
        """See `normal_init`."""
        normal_init(module, self.mean, self.std, self.bias)


@WEIGHT_INITIALIZERS.register_module(name="TruncNormal")
class TruncNormalInit(BaseInit):
    """Normally distributed weights between the values `a` and `b`."""

    def __init__(self, mean: float = 0, std: float = 1, a: float = -2, b: float = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean = mean
        self.std = std
        self.a = a
        self.b = b

    def fill(self, module: nn.Module) -> None:
        """See `trunc_normal_init`."""
        trunc_normal_init(module, self.mean, self.std, self.a, self.b, self.bias)


@WEIGHT_INITIALIZERS.register_module(name="Uniform")
class UniformInit(BaseInit):
    """Weights evenly from `a` to `b`."""

    def __init__(self, a: float = 0, b: float = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.a = a
        self.b = b

    def fill(self, module: nn.Module) -> None:
        """See `uniform_init`."""
        uniform_init(module, self.a, self.b, self.bias)


@WEIGHT_INITIALIZERS.register_module(name="Kaiming")
class KaimingInit(BaseInit):
    """Weights after He et al."""

    def __init__(
        self,
        a: float = 0,
        mode: Literal["fan_in", "fan_out"] = "fan_out",
        nonlinearity: str = "relu",
        distribution: Distribution = "normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.a = a
        self.mode: Literal["fan_in", "fan_out"] = mode
        self.nonlinearity = nonlinearity
        self.distribution: Distribution = distribution

    def fill(self, module: nn.Module) -> None:
        """See `kaiming_init`."""
        kaiming_init(module, self.a, self.mode, self.nonlinearity, self.bias, self.distribution)


@WEIGHT_INITIALIZERS.register_module(name="Caffe2Xavier")
class Caffe2XavierInit(BaseInit):
    """Weights after Caffe2's Xavier."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def fill(self, module: nn.Module) -> None:
        """See `caffe2_xavier_init`."""
        caffe2_xavier_init(module, self.bias)


def initialize(module: nn.Module, init_cfg: InitCfg) -> None:
    """Initialise a module as configured: one mapping, or a list of them in order.

    Each names an initializer in `type`; its `layer` says which classes of layers it touches, and `override`
    (a mapping or a list of them, each with the `name` of an attribute) treats single submodules, whatever
    they are made of, after that. An override of nothing but a name repeats the initializer it stands in. A `layer` that
    is absent or misspelled is warned of.

    >>> model = nn.ModuleDict({"body": nn.Linear(1, 1), "head": nn.Linear(1, 1)})
    >>> override = dict(type="Constant", name="head", val=3)
    >>> initialize(model, dict(type="Constant", layer="Linear", val=1, override=override))
    >>> model["body"].weight.item(), model["head"].weight.item()
    (1.0, 3.0)
    """
    if not isinstance(init_cfg, (Mapping, list)):
        raise TypeError(f"init_cfg has to be a mapping or a list of them, not a {type(init_cfg).__name__}")
    for each in [init_cfg] if isinstance(init_cfg, Mapping) else init_cfg:
        cfg = dict(each)
        override = cfg.pop("override", None)
        initializer = WEIGHT_INITIALIZERS.build(cfg)
        if isinstance(initializer, BaseInit):
            _warn_of_no_match(initializer.layer, module, cfg, overridden=override is not None)
        initializer(module)
        if override is not None:
            cfg.pop("layer", None)
            _override(module, override, cfg)


def _override(module: nn.Module, override: Any, outer: dict[str, Any]) -> None:
    """Initialise single submodules, each as its own configuration or as the outer one says."""
    if not isinstance(override, (Mapping, list)):
        raise TypeError(f"override has to be a mapping or a list of them, not a {type(override).__name__}")
    for each in [override] if isinstance(override, Mapping) else override:
        cfg = dict(each)
        name = cfg.pop("name", None)
        if name is None:
            raise ValueError(f"override has to say which submodule: `name` is missing in {each}")
        if not hasattr(module, name):
            children = [child for child, _ in module.named_children()]
            raise RuntimeError(f"{type(module).__name__} has no `{name}` to override; it has {children}")
        if cfg and "type" not in cfg:
            raise ValueError(f"override of `{name}` has settings but no `type`: {each}")
        initializer = WEIGHT_INITIALIZERS.build(cfg or outer)
        initializer.wholemodule = True
        initializer(getattr(module, name))


def _warn_of_no_match(
    layer: Sequence[str], module: nn.Module, cfg: Mapping[str, Any], *, overridden: bool
) -> None:
    """A name that the module has not may be meant for another one, but not if it nearly has it."""
    owner = type(module).__name__
    if not layer and not overridden:
        logger.warning("init_cfg of %s has no `layer`, so it initialises nothing: %s", owner, dict(cfg))
    kinds = {type(part) for part in module.modules()}
    known = {name for kind in kinds for name in (kind.__name__, *_names_of_bases(kind))}
    for name in layer:
        if name not in known and not hasattr(nn, name) and (meant := suggest(name, known)):
            logger.warning("init_cfg of %s: it has no layer %r; %s", owner, name, meant)


def _names(layer: Any) -> list[str]:
    """One name, several, or none, as a list."""
    names = [layer] if isinstance(layer, str) else [] if layer is None else layer
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"layer has to be the name of a class or a list of names, not {layer!r}")
    return list(names)


def _names_of_bases(kind: type) -> list[str]:
    return [base.__name__ for base in kind.__bases__]
