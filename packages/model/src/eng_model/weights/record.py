"""Which rule gave each parameter its first value, noted while a model is initialised.

The record lives on every module of the tree as `_params_init_info` from the start of the outermost
`init_weights` to its end. A parameter counts as changed when its mean changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from eng_dist import is_main_process

_logger = logging.getLogger(__name__)
_RECORD = "_params_init_info"
_AS_BUILT = "as built"

Record = dict[nn.Parameter, dict[str, Any]]


def is_recording(module: nn.Module) -> bool:
    """Whether an `init_weights` further up is taking notes for this module."""
    return _RECORD in module.__dict__


@contextmanager
def recording(module: nn.Module) -> Iterator[None]:
    """Take notes for the module and everything in it, report them at the end, and leave no trace."""
    record: Record = {
        parameter: {
            "init_info": f"{_AS_BUILT}: `init_weights` of {type(module).__name__} does not change it",
            "tmp_mean_value": _mean(parameter),
        }
        for parameter in module.parameters()
    }
    for part in module.modules():
        part.__dict__[_RECORD] = record
    try:
        yield
        _report(module, record)
    finally:
        for part in module.modules():
            part.__dict__.pop(_RECORD, None)


def update_init_info(module: nn.Module, init_info: str) -> None:
    """Write `init_info` to every parameter of the module whose mean changed since the last note.

    Raises `AssertionError` outside of `init_weights`, or if a parameter was added or replaced during it.
    """
    record: Record | None = module.__dict__.get(_RECORD)
    if record is None:
        raise AssertionError(
            f"{type(module).__name__} is not being initialised: `init_weights` keeps the record"
        )
    for name, parameter in module.named_parameters():
        note = record.get(parameter)
        if note is None:
            raise AssertionError(
                f"`{name}` of {type(module).__name__} appeared while the model was being initialised; "
                "write into the parameter that is there instead of replacing it"
            )
        mean = _mean(parameter)
        if mean is None or note["tmp_mean_value"] is None or not torch.equal(mean, note["tmp_mean_value"]):
            note["init_info"] = init_info
            note["tmp_mean_value"] = mean


def _mean(parameter: nn.Parameter) -> torch.Tensor | None:
    """The mean, or None where there is no content yet (meta and lazy parameters)."""
    if not _has_content(parameter):
        return None
    values = parameter.detach()
    return (values if values.is_floating_point() or values.is_complex() else values.float()).mean()


def _has_content(parameter: nn.Parameter) -> bool:
    return not parameter.is_meta and not isinstance(parameter, nn.UninitializedParameter)


def _report(module: nn.Module, record: Record) -> None:
    """One INFO line, and at level DEBUG a table with a line per parameter; main process only."""
    if not is_main_process():
        return
    notes = [
        (name, parameter, record[parameter]["init_info"] if parameter in record else "replaced")
        for name, parameter in module.named_parameters()
    ]
    changed = sum(not note.startswith(_AS_BUILT) for _, _, note in notes)
    level = logging.INFO if changed else logging.DEBUG
    _logger.log(level, "%s: %d of %d parameters initialised", type(module).__name__, changed, len(notes))
    if _logger.isEnabledFor(logging.DEBUG):
        lines = [f"{name} - {_shape(parameter)}: {note}" for name, parameter, note in notes]
        _logger.debug("\n".join([f"how the parameters of {type(module).__name__} begin:", *lines]))


def _shape(parameter: nn.Parameter) -> tuple[int, ...] | None:
    """The shape, or None where it is not known yet."""
    return None if isinstance(parameter, nn.UninitializedParameter) else tuple(parameter.shape)
