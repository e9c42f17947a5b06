"""Weights into a module and out of it, under names that no wrapper has touched.

Distributed, compiled and averaged models hold the real one inside and add a segment to every name (`module.`,
`_orig_mod.`). Such segments never reach a file, and weights load into a wrapped model as into a bare one.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from .errors import StateMismatchError

logger = logging.getLogger(__name__)

_wrappers: dict[type[nn.Module], str] = {
    DataParallel: "module",
    DistributedDataParallel: "module",
}
_BY_NAME = {  # of torch, by name: to import them would cost a second
    "CheckpointWrapper": "_checkpoint_wrapped_module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "OptimizedModule": "_orig_mod",
}
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A name whose shape differs between file and module."""

    name: str
    in_file: tuple[int, ...]
    in_module: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}: {list(self.in_file)} in the file, {list(self.in_module)} in the module"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What became of each name when weights were loaded.

    Attributes:
        loaded: Names that were copied.
        missing: Names of the module that the file lacks; they keep their values.
        unexpected: Names of the file that the module lacks.
        mismatched: Names in both whose shapes differ; they keep their values.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every name was in both, with the same shape."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        parts = [
            _listed("missing in the file", self.missing),
            _listed("unexpected in the file", self.unexpected),
            _listed("of another shape", self.mismatched),
        ]
        return "\n".join([f"{len(self.loaded)} loaded", *(part for part in parts if part)])


def register_wrapper(cls: type[nn.Module], attribute: str = "module") -> None:
    """Tell that modules of this class hold the real model under `attribute`, which files do not show."""
    _wrappers[cls] = attribute


def get_state_dict(
    module: nn.Module,
    destination: dict[str, Any] | None = None,
    prefix: str = "",
    keep_vars: bool = False,
) -> dict[str, Any]:
    """The module's state under the names of the bare model, whatever wraps it at whatever depth.

    Example:
        >>> wrapped = nn.Sequential(nn.DataParallel(nn.Linear(1, 1)))
        >>> list(get_state_dict(wrapped))
        ['0.weight', '0.bias']
    """
    raw = module.state_dict(keep_vars=keep_vars)
    bare = _bare_paths(module)
    state: dict[str, Any] = OrderedDict() if destination is None else destination
    for name, value in raw.items():
        state[prefix + _renamed(name, bare)] = value
    metadata = getattr(raw, "_metadata", None)
    if metadata is not None and isinstance(state, OrderedDict):
        known = getattr(state, "_metadata", OrderedDict())
        # a wrapper and what it wraps share one bare path; the inner one comes later and is the one that
        # counts
        for path, item in metadata.items():
            known[(prefix + bare.get(f"{path}." if path else "", path)).rstrip(".")] = item
        state._metadata = known  # type: ignore[attr-defined]  # torch carries versions so
    return state


def load_state_dict(
    module: nn.Module,
    state_dict: Mapping[str, Any],
    strict: bool = False,
    logger: logging.Logger | None = None,
) -> LoadReport:
    """Copy weights into a module, wrapped or bare.

    Args:
        strict: Raise when anything is missing, unexpected or of another shape; otherwise one warning says so.
        logger: Where that warning goes.

    Raises:
        StateMismatchError: With `strict`; it lists every kind at once, with both shapes.

    Example:
        >>> import torch
        >>> report = load_state_dict(nn.Linear(2, 1), {"weight": torch.ones(1, 2), "scale": torch.ones(1)})
        >>> report.loaded, report.missing, report.unexpected
        (('weight',), ('bias',), ('scale',))
    """
    bare = _bare_paths(module)
    own = module.state_dict(keep_vars=True)
    raw_names = {_renamed(raw, bare): raw for raw in own}
    mismatched = [
        Mismatch(name=name, in_file=tuple(value.shape), in_module=tuple(own[raw_names[name]].shape))
        for name, value in state_dict.items()
        if name in raw_names and _differs(value, own[raw_names[name]])
    ]
    left_out = {item.name for item in mismatched}
    incoming = OrderedDict((k, v) for k, v in state_dict.items() if k not in left_out)
    report = _load(module, incoming, getattr(state_dict, "_metadata", None), bare, raw_names, mismatched)
    if not report.complete:
        if strict:
            raise StateMismatchError(f"the weights do not fit {type(module).__name__}: {report}")
        (logger or globals()["logger"]).warning("not all weights fit %s: %s", type(module).__name__, report)
    return report


def weights_to_cpu(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same state with every tensor on the CPU; CPU tensors are not copied, tied tensors stay tied.

    A save does not need it: files record tensors of any device as CPU tensors.
    """
    to_cpu = _ToCpu()
    moved = OrderedDict((key, to_cpu(value)) for key, value in state_dict.items())
    if hasattr(state_dict, "_metadata"):
        moved._metadata = state_dict._metadata  # type: ignore[attr-defined]  # torch carries versions so
    return moved


class _ToCpu:
    """One pass over a state; a tensor that occurs twice, such as a tied weight, is copied once."""

    def __init__(self) -> None:
        # by address, so the source is kept alive: its address must not be used again
        self._copies: dict[tuple[Any, ...], tuple[Tensor, Tensor]] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value.detach())
        if isinstance(value, Mapping):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item) for item in value]
        return value

    def _tensor(self, tensor: Tensor) -> Tensor:
        if tensor.device.type == "cpu" or tensor.layout is not torch.strided:
            return tensor.cpu()
        key = (
            tensor.untyped_storage()._cdata,
            tensor.dtype,
            tensor.storage_offset(),
            tensor.size(),
            tensor.stride(),
            tensor.is_conj(),
            tensor.is_neg(),
        )
        if key not in self._copies:
            self._copies[key] = tensor, tensor.cpu()
        return self._copies[key][1]


def _load(
    module: nn.Module,
    incoming: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
    bare: Mapping[str, str],
    raw_names: Mapping[str, str],
    mismatched: list[Mismatch],
) -> LoadReport:
    bare_names = {raw: name for name, raw in raw_names.items()}
    raw_paths = {path: raw for raw, path in bare.items()}
    renamed = OrderedDict((raw_names.get(k) or _renamed(k, raw_paths), v) for k, v in incoming.items())
    if metadata is not None:
        renamed._metadata = OrderedDict(  # type: ignore[attr-defined]  # torch carries versions so
            (raw.rstrip("."), metadata[path.rstrip(".")])
            for raw, path in bare.items()
            if path.rstrip(".") in metadata
        )
    result = module.load_state_dict(renamed, strict=False)
    shapes = {item.name for item in mismatched}
    missing = [bare_names.get(name, name) for name in result.missing_keys]
    missing = [n for n in missing if n not in shapes and not n.endswith("num_batches_tracked")]
    unexpected = {_renamed(name, bare) for name in result.unexpected_keys}
    return LoadReport(
        loaded=tuple(name for name in incoming if name not in unexpected),
        missing=tuple(missing),
        unexpected=tuple(name for name in incoming if name in unexpected),
        mismatched=tuple(mismatched),
    )


def _bare_paths(module: nn.Module) -> dict[str, str]:
    """For each module inside, its prefix in torch's names -> its prefix in the bare model's."""
    paths: dict[str, str] = {}

    def visit(module: nn.Module, raw: str, bare: str) -> None:
        paths[raw] = bare
        inner = _wrapped_attribute(module)
        for name, child in module.named_children():
            visit(child, f"{raw}{name}.", bare if name == inner else f"{bare}{name}.")

    visit(module, "", "")
    return paths


def _wrapped_attribute(module: nn.Module) -> str | None:
    return _BY_NAME.get(type(module).__name__) or next(
        (name for cls, name in _wrappers.items() if isinstance(module, cls)), None
    )


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    """`name` with the longest prefix that is known replaced."""
    cut = len(name)
    while (cut := name.rfind(".", 0, cut)) >= 0:
        head = name[: cut + 1]
        if head in prefixes:
            return prefixes[head] + name[cut + 1 :]
    return prefixes.get("", "") + name


def _differs(value: Any, own: Any) -> bool:
    if not isinstance(value, Tensor) or not isinstance(own, Tensor) or nn.parameter.is_lazy(own):
        return False
    return value.shape != own.shape


def _listed(title: str, items: tuple[Any, ...]) -> str:
    if not items:
        return ""
    shown = [str(item) for item in items[:_SHOWN]]
    more = [f"... and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return f"{len(items)} {title}:\n  " + "\n  ".join([*shown, *more])
