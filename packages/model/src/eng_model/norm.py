"""Batch normalisation over one process or over all of them, and the way between the two."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_STATE = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class BatchNormAnyDim(_BatchNorm):
    """Batch normalisation of inputs with any number of dimensions (N, C, ...), as SyncBatchNorm takes them."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Every number of dimensions is right."""


def convert_sync_batchnorm(module: nn.Module, implementation: str = "torch") -> nn.Module:
    """The module with every batch normalisation computing its statistics over all processes.

    `implementation` is "torch", or "mmcv" for the operator of that package. Layers are replaced in place; a
    module that is itself a batch normalisation is returned as another one. Raises `ValueError` for another
    implementation.

    >>> type(convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(4)))[0])
    <class 'torch.nn.modules.batchnorm.SyncBatchNorm'>
    """
    if implementation == "torch":
        return _replace(module, lambda each: _rebuild(each, nn.SyncBatchNorm) if _is_plain(each) else None)
    if implementation == "mmcv":
        sync = _mmcv_sync_batchnorm()
        return _replace(module, lambda each: _rebuild(each, sync) if _is_plain(each) else None)
    raise ValueError(f"implementation={implementation!r}: it has to be 'torch' or 'mmcv'")


def revert_sync_batchnorm(module: nn.Module) -> nn.Module:
    """The module with every synchronised batch normalisation replaced by one that works in a single process.

    Parameters, statistics and the training flag are kept, as the very tensors. A layer that cannot be
    replaced is left with a warning.

    >>> type(revert_sync_batchnorm(nn.Sequential(nn.SyncBatchNorm(4)))[0])
    <class 'eng_model.norm.BatchNormAnyDim'>
    """
    kinds = _sync_kinds()
    return _replace(module, lambda each: _rebuild(each, BatchNormAnyDim) if isinstance(each, kinds) else None)


def _replace(module: nn.Module, substitute: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    """The module, or its substitute, with all children treated alike."""
    other = substitute(module)
    if other is not None:
        return other
    for name, child in module.named_children():
        try:
            changed = _replace(child, substitute)
            if changed is not child:
                setattr(module, name, changed)
        except Exception as error:
            warnings.warn(f"`{name}` ({type(child).__name__}) could not be converted: {error}", stacklevel=2)
    return module


def _is_plain(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) and not isinstance(module, _sync_kinds())


def _rebuild(old: Any, kind: Callable[..., Any]) -> nn.Module:
    """A normalisation of another kind around the same tensors."""
    new: nn.Module = kind(
        old.num_features, old.eps, old.momentum, old.affine, getattr(old, "track_running_stats", True)
    )
    for name in _STATE:
        setattr(new, name, getattr(old, name, None))
    return new.train(old.training)


def _sync_kinds() -> tuple[type[nn.Module], ...]:
    """The synchronised normalisations that can be in a model: mmcv's only if somebody has imported it."""
    mmcv = getattr(sys.modules.get("mmcv.ops"), "SyncBatchNorm", None)
    return (nn.SyncBatchNorm,) if mmcv is None else (nn.SyncBatchNorm, mmcv)


def _mmcv_sync_batchnorm() -> Callable[..., Any]:
    try:
        from mmcv.ops import SyncBatchNorm  # type: ignore[import-not-found, unused-ignore]  # optional
    except ImportError as error:
        raise ImportError("implementation='mmcv' needs mmcv with its operators: pip install mmcv") from error
    return SyncBatchNorm  # type: ignore[no-any-return, unused-ignore]
