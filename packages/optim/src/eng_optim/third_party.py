"""Optimizers of other distributions, under their names in the registry `OPTIMIZERS`.

What is installed is registered; it is imported when the first optimizer is built. What is not installed leaves
its name free, and the one who asks for it is told what to install. A name that torch has too gets the prefix
`bnb_` (`bnb_AdamW`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch.optim import Optimizer

from eng_optim.optimizers import TORCH_OPTIMIZERS
from eng_registry import OPTIMIZERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One distribution: the extra of ours that installs it, the module to import, its optimizers."""

    extra: str
    module: str
    names: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether the module can be found; it is not imported."""
        return find_spec(self.module.partition(".")[0]) is not None


def _widths(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{bits}" for name in names for bits in ("", "8bit", "32bit"))


_BITSANDBYTES = _widths(
    "AdEMAMix", "Adagrad", "Adam", "AdamW", "LAMB", "LARS", "Lion", "RMSprop", "SGD",
    "PagedAdEMAMix", "PagedAdam", "PagedAdamW", "PagedLion",
)  # fmt: skip

SOURCES = (
    Source(extra="bitsandbytes", module="bitsandbytes.optim", names=_BITSANDBYTES),
    Source(
        extra="dadaptation",
        module="dadaptation",
        names=("DAdaptAdaGrad", "DAdaptAdam", "DAdaptAdan", "DAdaptLion", "DAdaptSGD"),
    ),
    Source(extra="lion", module="lion_pytorch", names=("Lion",)),
    Source(extra="sophia", module="sophia", names=("SophiaG",)),
    Source(extra="transformers", module="transformers", names=("Adafactor",)),
)


def registered_names(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the name in the registry and the name in the module, for each optimizer of `source`.

    >>> dict(registered_names(SOURCES[0]))["bnb_Adam"]
    'Adam'
    """
    taken = {*TORCH_OPTIMIZERS, "Lion"} if source.extra == "bitsandbytes" else set()
    for name in source.names:
        yield (f"bnb_{name}" if name in taken else name), name


def ask_to_install(name: str) -> None:
    """Raise `ModuleNotFoundError` if the optimizer `name` belongs to a distribution that is not installed.

    >>> ask_to_install("NoOptimizerOfAnyone")
    """
    bare = name.rpartition(".")[2]
    for source in SOURCES:
        if not source.is_installed and bare in dict(registered_names(source)):
            raise ModuleNotFoundError(
                f"the optimizer `{bare}` is in the package `{source.module.partition('.')[0]}`, which is not "
                f"installed: pip install 'eng-optim[{source.extra}]'",
                name=source.module,
            )


def late(module: str, name: str) -> Callable[..., Optimizer]:
    """Return the optimizer class `name` of `module` as a function that imports it when it is called.

    >>> import torch
    >>> type(late("torch.optim", "SGD")([torch.zeros(1)], lr=0.1)).__name__
    'SGD'
    """

    def build(params: Any, *args: Any, **kwargs: Any) -> Optimizer:
        optimizer: Optimizer = getattr(import_module(module), name)(params, *args, **kwargs)
        return optimizer

    build.__name__ = build.__qualname__ = name
    return build


for _source in SOURCES:
    if _source.is_installed:
        for _registered, _name in registered_names(_source):
            OPTIMIZERS.register_module(name=_registered, module=late(_source.module, _name))

OPTIMIZERS.register_module(module=late("eng_optim.zero", "ZeroRedundancyOptimizer"))
