"""Objects are found by their names."""

import collections
import json
import os.path

import pytest
from mmengine.utils import (
    get_object_from_string,
    has_method,
    import_modules_from_strings,
    is_method_overridden,
)


class Base:
    def said(self):
        return 1

    def kept(self):
        return 1


class Derived(Base):
    def said(self):
        return 2


def test_a_method_is_overridden():
    """Asked of a class or of an object."""
    assert is_method_overridden("said", Base, Derived)
    assert is_method_overridden("said", Base, Derived())
    assert not is_method_overridden("kept", Base, Derived)


def test_the_base_is_a_class():
    """An object is refused."""
    with pytest.raises(AssertionError, match="`base_class` is a class"):
        is_method_overridden("said", Base(), Derived)


def test_a_method_can_be_called():
    """An attribute that cannot is none."""
    assert [has_method([], "append"), has_method([], "nothing"), has_method(Base, "__doc__")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("os.path.join", os.path.join),
        ("collections", collections),
        ("collections.OrderedDict", collections.OrderedDict),
        ("json.decoder", json.decoder),
        ("json.JSONDecoder.decode", json.JSONDecoder.decode),
        ("no_such_package.x", None),
        ("os.no_such_thing", None),
        ("json.JSONDecoder.no.deeper", None),
    ],
)
def test_an_object_by_its_dotted_name(name, expected):
    """Modules, classes and attributes; None, not an error, for nothing."""
    assert get_object_from_string(name) is expected


def test_modules_by_their_names():
    """One for a text, a list for a list, nothing for nothing."""
    assert import_modules_from_strings("os.path") is os.path
    assert import_modules_from_strings(["json", "collections"]) == [json, collections]
    assert [import_modules_from_strings(nothing) for nothing in ([], None, "")] == [None] * 3


@pytest.mark.parametrize("wrong", [[1], ("json",), 7])
def test_names_are_texts_in_a_list(wrong):
    """Anything else is a TypeError."""
    with pytest.raises(TypeError):
        import_modules_from_strings(wrong)


def test_a_module_that_fails():
    """An error that says which, or a warning and None."""
    with pytest.raises(ImportError, match="Failed to import no_such_module"):
        import_modules_from_strings(["json", "no_such_module"])
    with pytest.warns(UserWarning, match="no_such_module failed to import and is ignored"):
        assert import_modules_from_strings(["json", "no_such_module"], allow_failed_imports=True) == [
            json,
            None,
        ]
