"""What a callable accepts, told from its signatures."""

import functools

import pytest

from eng_registry import Registry
from eng_registry.arguments import accepted


class Base:
    """Takes two."""

    def __init__(self, width, depth=1):
        pass


class HandsOn(Base):
    """Takes one more, and what its base takes."""

    def __init__(self, norm, **kwargs):
        super().__init__(1, **kwargs)


class Open:
    """Takes anything."""

    def __init__(self, a, **kwargs):
        pass


class Without:
    """Takes nothing."""


@pytest.mark.parametrize(
    ("target", "names", "required"),
    [
        (Base, ("width", "depth"), ("width",)),
        (HandsOn, ("norm", "width", "depth"), ("norm",)),
        (Open, ("a",), ("a",)),
        (Without, (), ()),
        (functools.partial(Base, width=3), ("width", "depth"), ()),
        (lambda x, /, y, *, z=1: None, ("y", "z"), ("y",)),
    ],
)
def test_names(target, names, required):
    """Through `**kwargs` and base classes; positional-only arguments have no name."""
    found = accepted(target)
    assert (found.names, found.required) == (names, required)


def test_what_is_written_in_c_is_not_known():
    """Then its own error has to do."""
    assert accepted(max) is None


@pytest.mark.parametrize(
    ("cls", "cfg", "message"),
    [
        (Base, {"widht": 1}, "Base takes no argument `widht`, did you mean `width`?; Base needs `width`."),
        (Base, {}, "Base needs `width`. It takes: `width`, `depth`."),
        (Base, {"a": 1, "b": 2, "width": 1}, "Base takes no argument `a`; Base takes no argument `b`."),
        (HandsOn, {"norm": 1, "dpth": 2}, "HandsOn takes no argument `dpth`, did you mean `depth`?"),
        (Open, {}, "Open needs `a`."),
        (Without, {"a": 1}, "Without takes no argument `a`. It takes no arguments."),
        (Base, {"width": 1, 3: 4}, "Base takes no argument `3`."),
    ],
)
def test_complaints(cls, cfg, message):
    """All faults at once, with the nearest names."""
    registry = Registry("x", scope="demo")
    registry.register_module(module=cls)
    with pytest.raises(TypeError) as caught:
        registry.build({"type": cls.__name__, **cfg})
    assert message in str(caught.value)
