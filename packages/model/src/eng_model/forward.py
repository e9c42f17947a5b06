"""How a preprocessed batch becomes the arguments of `forward`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .protocols import Batch


def run_forward(model: Callable[..., Any], data: Batch, mode: str) -> Any:
    """Call the model, not its `forward`, so that hooks run: a dict as keywords, a tuple or list positionally.

    >>> run_forward(lambda x, mode: (x, mode), {"x": 1}, "tensor")
    (1, 'tensor')
    """
    if isinstance(data, dict):
        return model(**data, mode=mode)
    if isinstance(data, (tuple, list)):
        return model(*data, mode=mode)
    raise TypeError(
        f"the data preprocessor returned a {type(data).__name__}; a model takes a dict (as keywords), "
        "a tuple or a list (as positional arguments)"
    )
