"""What callables accept, and whether a literal suits an annotation."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest

from eng_config.signature import accepted, choices_of, fits, spell_type


class Base:
    """Two arguments, one with a default."""

    def __init__(self, width: int, depth: "int" = 1): ...


class Middle(Base):
    """Hands everything on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Top(Middle):
    """Adds one, and looks for another itself."""

    def __init__(self, norm: str | None = None, **kwargs):
        self.mode = kwargs.pop("mode", None)
        super().__init__(**kwargs)


class Open:
    """Takes anything."""

    def __init__(self, **kwargs: Any): ...


class Array:
    """What numpy and torch can read as one."""

    def __array__(self): ...


class Broken:
    """Its annotation names something that is not there."""

    def __init__(self, x: "NoSuchName", y: int): ...  # noqa: F821


@pytest.mark.parametrize(
    ("target", "types", "required", "is_open"),
    [
        (Base, {"width": int, "depth": int}, ("width",), False),
        (Middle, {"width": int, "depth": int}, (), False),
        (Top, {"norm": str | None, "width": int, "depth": int}, (), False),
        (Open, {}, (), True),
        (Broken, {"x": Any, "y": Any}, ("x", "y"), False),
        (functools.partial(Base, 3), {"depth": Any}, (), False),
        (lambda a, *, b=1: None, {"a": Any, "b": Any}, ("a",), False),
    ],
)
def test_accepted(target, types, required, is_open):
    """Through `**kwargs` and base classes."""
    found = accepted(target)
    assert (found.types, found.required, found.is_open) == (types, required, is_open)


def test_what_a_constructor_looks_for_in_its_kwargs():
    """Counts as taken."""
    found = accepted(Top)
    assert [found.takes(name) for name in ("mode", "norm", "width", "nothing")] == [True, True, True, False]


def test_what_cannot_be_known():
    """Is None."""
    assert accepted(max) is None


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (1, int, True),
        (True, int, True),
        (1.0, int, False),
        ("1", int, False),
        (1, float, True),
        (1, bool, False),
        (1, str, False),
        (None, int, False),
        (None, Optional[int], True),  # noqa: UP045
        (1, Union[str, None], False),  # noqa: UP007
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"] | None, False),
        (1, Annotated[int, "units"], True),
        ([1, 2], list[int], True),
        ((1, 2), list[int], True),
        ([1, "2"], list[int], False),
        ("ab", list[str], False),
        ("ab", Sequence[str], True),
        (3, Iterable[int], False),
        ([1, 2], tuple[int, int], True),
        ([1, 2, 3], tuple[int, int], False),
        ([1, 2, 3], tuple[int, ...], True),
        ([[1], []], list[list[int]], True),
        ({"a": 1}, dict[str, int], True),
        ({"a": 1}, Mapping, True),
        ([1], dict, False),
        ({"type": "X"}, Base, True),
        ("some/path", Path, True),
        ("name", Callable[..., int], True),
        (object(), Any, True),
        ("abc", float | Array, False),
        (0.1, float | Array, True),
        ([0.1], float | Array, True),
        (1, "int", True),
    ],
)
def test_fits(value, annotation, expected):
    """In doubt, yes."""
    assert fits(value, annotation) is expected


def test_words():
    """Annotations as they were written, and the values of a choice."""
    assert [spell_type(part) for part in (int, list[int], int | None, Optional[str])] == [  # noqa: UP045
        *("int", "list[int]", "int | None"),
        "Optional[str]",
    ]
    assert choices_of(Literal["a"] | None) == ("a",)
    assert choices_of(int) == ()
