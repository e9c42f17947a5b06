"""Names are registered, found and described."""

import importlib
import pickle

import pytest

from eng_registry import Registry, RegistryError


@pytest.fixture
def shapes():
    """An empty registry."""
    return Registry("shape", scope="demo")


class Square:
    """Something to register."""


def test_length_and_truth(shapes):
    """An empty registry has no names, and is still a registry."""
    assert len(shapes) == 0
    assert shapes


def test_in_is_whether_get_finds(shapes):
    """Parents count."""
    child = Registry("shape", parent=shapes, scope="child")
    shapes.register_module(module=Square)
    assert "Square" in child
    assert "Nothing" not in child


def test_repr_is_a_table_sorted_by_name(shapes):
    """Readable in a notebook."""
    shapes.register_module("b", module=Square)
    shapes.register_module("a", module=dict)
    lines = repr(shapes).splitlines()
    assert lines[0] == "Registry of shape (scope demo, 2 names)"
    assert [line.split()[0] for line in lines[1:]] == ["Names", lines[2].split()[0], "a", "b"]


def test_the_scope_is_the_package_that_creates_the_registry(on_disk):
    """The first part of the name of the calling module."""
    on_disk(
        {
            "my_project/__init__.py": "",
            "my_project/reg.py": "from eng_registry import Registry\nR = Registry('r')\n",
        }
    )
    assert importlib.import_module("my_project.reg").R.scope == "my_project"


def test_infer_scope_is_for_functions_that_make_registries():
    """It names the package of who called them."""

    def make():
        return Registry.infer_scope()

    assert make() == __name__.partition(".")[0]


def test_what_a_registry_is_made_of_is_checked(shapes):
    """Parent and scope."""
    with pytest.raises(AssertionError, match="parent must be a Registry"):
        Registry("x", parent="demo")
    with pytest.raises(AssertionError, match="scope must be a str"):
        Registry("x", scope=1)
    Registry("shape", parent=shapes, scope="child")
    with pytest.raises(AssertionError, match="already has a child of scope `child`"):
        Registry("shape", parent=shapes, scope="child")


def test_an_own_build_func_wins_over_the_inherited_one():
    """Without one it is the parent's."""

    def wrapping(cfg, *args, registry, **kwargs):
        return (registry.name, cfg["type"], args, kwargs)

    root = Registry("root", build_func=wrapping, scope="demo")
    child = Registry("child", parent=root, scope="child")
    other = Registry("other", build_func=lambda cfg, registry: "own", parent=root, scope="other")
    assert child.build({"type": "X"}, 1, two=2) == ("child", "X", (1,), {"two": 2})
    assert other.build({"type": "X"}) == "own"


def test_get_wants_a_text(shapes):
    """A class is not a key."""
    with pytest.raises(TypeError, match="a key must be a str"):
        shapes.get(Square)


def test_find_says_why_nothing_is_found(shapes):
    """Where `get` gives None."""
    shapes.register_module(module=Square)
    assert shapes.find("Square") is Square
    assert shapes.get("Sqare") is None
    with pytest.raises(
        LookupError, match=r"Sqare is not in the demo::shape registry; did you mean `Square`\?"
    ):
        shapes.find("Sqare")


def test_find_asks_in_a_scope():
    """As `_scope_` does in a configuration."""
    root = Registry("shape", scope="demo")
    child = Registry("shape", parent=root, scope="child")
    child.register_module(module=Square)
    assert root.find("Square", "child") is Square
    with pytest.raises(KeyError):
        root.find("Square")


def test_errors_can_cross_processes(shapes):
    """With their path, origin and message."""
    with pytest.raises(RegistryError) as caught:
        shapes.build({"type": "Nothing"})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.path) == (type(caught.value), str(caught.value), caught.value.path)
