"""How a preprocessed batch becomes the arguments of `forward`, and how an error of it says where it happened."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb
from typing import Any

from torch import nn

from .protocols import Batch


def run_forward(model: Callable[..., Any], data: Batch, mode: str) -> Any:
    """Call the model, not its `forward`, so that hooks run: a dict as keywords, a tuple or list positionally.

    An exception gets a note with the name of the innermost module that it came from.

    >>> run_forward(lambda x, mode: (x, mode), {"x": 1}, "tensor")
    (1, 'tensor')
    """
    try:
        if isinstance(data, dict):
            return model(**data, mode=mode)
        if isinstance(data, (tuple, list)):
            return model(*data, mode=mode)
    except Exception as error:
        _note_module(error, model)
        raise
    raise TypeError(
        f"the data preprocessor returned a {type(data).__name__}; a model takes a dict (as keywords), "
        "a tuple or a list (as positional arguments)"
    )


def _note_module(error: Exception, model: Any) -> None:
    """Say in which part of the model it happened: torch's messages have shapes in them, but no names."""
    names = {id(part): name for name, part in model.named_modules()} if isinstance(model, nn.Module) else {}
    within = [
        frame.f_locals["self"]
        for frame, _ in walk_tb(error.__traceback__)
        if names.get(id(frame.f_locals.get("self")))
    ]
    if within:
        part = within[-1]
        error.add_note(
            f"This happened in `{names[id(part)]}` ({type(part).__name__}) of {type(model).__name__}."
        )
