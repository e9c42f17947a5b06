"""How a batch becomes arguments."""

from collections import OrderedDict, namedtuple
from typing import Any

import pytest

from eng_model.forward import run_forward


def _echo(*args: Any, mode: str, **kwargs: Any) -> Any:
    return args, kwargs, mode


def test_dicts_are_keywords_and_sequences_are_positions() -> None:
    """`mode` is a keyword always."""
    assert run_forward(_echo, OrderedDict(a=1), "loss") == ((), {"a": 1}, "loss")
    assert run_forward(_echo, [1, 2], "loss") == ((1, 2), {}, "loss")
    assert run_forward(_echo, namedtuple("Pair", "x y")(1, 2), "predict") == ((1, 2), {}, "predict")


@pytest.mark.parametrize("data", [{1, 2}, "text", None, 3])
def test_anything_else_is_an_error(data: Any) -> None:
    """The error names what came."""
    with pytest.raises(TypeError, match=type(data).__name__):
        run_forward(_echo, data, "loss")
