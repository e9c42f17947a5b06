"""Objects that are imported when they are needed."""

import copy
import pickle

import pytest

from eng_config.lazy import LazyAttr, LazyObject


@pytest.mark.parametrize("arguments", [(3,), ("os", 3), ("os", "path", 3), ([1],), (None,), ({"os": 1},)])
def test_names_are_texts(arguments):
    """Anything else is a TypeError."""
    with pytest.raises(TypeError):
        LazyObject(*arguments)


def test_what_is_built():
    """A module, what it has, or the package of several modules."""
    import os.path
    import xml

    assert LazyObject("os.path").build() is os.path
    assert LazyObject("os.path", "join").build() is os.path.join
    assert LazyObject(["xml.dom", "xml.sax"]).build() is xml


def test_attributes_are_lazy_too():
    """Any chain of them, down to the methods of a class."""
    attr = LazyObject("collections").OrderedDict.fromkeys
    assert isinstance(attr, LazyAttr)
    assert (str(attr), attr.module, attr.dotted) == (
        "fromkeys",
        "collections.OrderedDict",
        "collections.OrderedDict.fromkeys",
    )
    assert attr.build()(["a"]) == {"a": None}


@pytest.mark.parametrize("lazy", [LazyObject("os", "path"), LazyObject("os").path])
def test_it_cannot_be_called(lazy):
    """It is not there yet; what to write is told."""
    with pytest.raises(RuntimeError, match=r"write `dict\(type=path, ...\)`"):
        lazy(1)


@pytest.mark.parametrize(
    "lazy",
    [
        LazyObject("no_module_of_this_name", "X", "cfg.py, line 3"),
        LazyObject("os", "nothing_of_this_name", "cfg.py, line 3"),
    ],
)
def test_a_failing_import_says_which_line_asked(lazy):
    """With the dotted name."""
    with pytest.raises(ImportError, match=rf"cfg.py, line 3: cannot import `{lazy.dotted}`"):
        lazy.build()
    with pytest.raises(ImportError, match="nothing_here"):
        LazyObject("os").path.nothing_here.build()


@pytest.mark.parametrize("lazy", [LazyObject("os.path", "join"), LazyObject("os").path.join])
def test_copies_are_equal(lazy):
    """By dotted name; equal ones are one key."""
    for other in (copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))):
        assert (other, hash(other), str(other), repr(other)) == (lazy, hash(lazy), "join", repr(lazy))
    assert lazy != "os.path.join"
