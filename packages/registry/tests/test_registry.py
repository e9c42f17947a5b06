"""Names are registered, found and described."""

import functools
import importlib
import pickle

import pytest

from eng_registry import Registry, RegistryError, TakenError, WrongTypeError


@pytest.fixture
def shapes():
    """An empty registry."""
    return Registry("shape", scope="demo")


class Square:
    """Something to register."""


def test_a_class_is_registered_under_its_name_and_comes_back_unchanged(shapes):
    """The decorator gives back what it decorates."""

    @shapes.register_module()
    class Circle:
        pass

    assert shapes.get("Circle") is Circle
    assert shapes.module_dict == {"Circle": Circle}


def test_registering_without_decoration(shapes):
    """`module=` registers at once and gives the module; name, force and module may be positional."""
    assert shapes.register_module(module=Square) is Square
    assert shapes.register_module("quad", False, Square) is Square
    assert shapes.module_dict == {"Square": Square, "quad": Square}


def test_several_names_for_one_object(shapes):
    """Every name of a sequence is an alias."""
    shapes.register_module(name=["a", "b"])(Square)
    shapes.register_module(name=("c",), module=Square)
    assert {"a", "b", "c"} == set(shapes.module_dict)


def test_anything_callable_can_be_registered(shapes):
    """Functions and partials too; what has no name needs one."""
    half = functools.partial(int, base=2)
    shapes.register_module("half", module=half)
    shapes.register_module("double", module=lambda x: 2 * x)
    assert shapes.build({"type": "double", "x": 4}) == 8
    with pytest.raises(WrongTypeError, match="has no __name__"):
        shapes.register_module(module=half)


@pytest.mark.parametrize("module", [0, "text", [], {}])
def test_what_is_not_callable_cannot_be_registered(shapes, module):
    """It could not be built."""
    with pytest.raises(TypeError, match="only what is callable"):
        shapes.register_module("x", module=module)


@pytest.mark.parametrize("name", [3, ["a", 3], object()])
def test_names_are_texts(shapes, name):
    """A name of another type is a mistake, and so is a decorator without parentheses."""
    with pytest.raises(TypeError, match="name must be a str"):
        shapes.register_module(name=name, module=Square)
    with pytest.raises(TypeError):
        shapes.register_module(Square)


@pytest.mark.parametrize("force", [1, None, "yes"])
def test_force_is_a_bool(shapes, force):
    """`force=1` is more likely a misplaced argument."""
    with pytest.raises(TypeError, match="force must be a bool"):
        shapes.register_module(force=force, module=Square)


def test_a_taken_name_is_an_error_that_names_both_places(shapes):
    """Both lines are there to be compared."""
    shapes.register_module("x", module=Square)
    with pytest.raises(KeyError) as caught:
        shapes.register_module("x", module=dict)
    message = str(caught.value)
    assert message.startswith("x is already registered in the demo::shape registry")
    assert message.count("test_registry.py:") == 2
    assert shapes.get("x") is Square


def test_force_takes_a_name(shapes):
    """Silently."""
    shapes.register_module("x", module=Square)
    shapes.register_module("x", force=True, module=dict)
    assert shapes.get("x") is dict


def test_the_same_object_again_is_no_conflict(shapes):
    """Importing a module by two names registers the same class twice."""
    shapes.register_module(module=Square)
    shapes.register_module(module=Square)
    assert len(shapes) == 1


def test_a_reloaded_module_replaces_its_own_old_classes(shapes, on_disk):
    """As `importlib.reload` and a notebook's autoreload do."""
    on_disk(
        {
            "reloaded_one.py": """
            from reloaded_registry import shapes

            @shapes.register_module()
            class Blob:
                pass
            """,
            "reloaded_registry.py": "shapes = None\n",
        }
    )
    importlib.import_module("reloaded_registry").shapes = shapes
    module = importlib.import_module("reloaded_one")
    old = shapes.get("Blob")
    importlib.reload(module)
    assert shapes.get("Blob") is module.Blob is not old


def test_a_second_definition_on_another_line_is_a_conflict(shapes, on_disk):
    """Two classes of one name in one file are two classes."""
    on_disk(
        {
            "twice.py": """
            def fill(shapes):
                @shapes.register_module()
                class Blob:
                    pass

                @shapes.register_module()
                class Blob:
                    pass
            """
        }
    )
    with pytest.raises(TakenError, match=r"twice.py:3\).*twice.py:7\)"):
        importlib.import_module("twice").fill(shapes)


def test_two_packages_with_one_name_can_both_be_imported(shapes, on_disk):
    """Only asking for the short name is an error, and the prefix reaches each."""
    source = (
        "def fill(shapes):\n    @shapes.register_module()\n    class Net:\n        pass\n    return Net\n"
    )
    on_disk({"pack_one/__init__.py": source, "pack_two/__init__.py": source})
    one = importlib.import_module("pack_one").fill(shapes)
    two = importlib.import_module("pack_two").fill(shapes)
    assert (shapes.get("pack_one.Net"), shapes.get("pack_two.Net")) == (one, two)
    with pytest.raises(KeyError, match=r"several packages.*`pack_one.Net`.*`pack_two.Net`"):
        shapes.get("Net")


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


def test_what_gives_way_is_taken_the_place_of():
    """By a later registration of the name, without a word; the error of a third one names the new place."""
    metrics = Registry("metric", scope="ready")

    @metrics.register_module(gives_way=True)
    class Accuracy:
        pass

    ready = Accuracy

    @metrics.register_module()
    class Accuracy:
        pass

    assert metrics.get("Accuracy") is Accuracy is not ready
    with pytest.raises(TakenError, match="Accuracy is already registered"):
        metrics.register_module("Accuracy", module=dict)


def test_what_gives_way_comes_too_late():
    """A name that somebody has taken stays his; where nobody has, the ready one is found."""
    metrics = Registry("metric", scope="ready")

    @metrics.register_module()
    class Accuracy:
        pass

    metrics.register_module("Accuracy", module=dict, gives_way=True)
    metrics.register_module("Recall", module=dict, gives_way=True)
    assert metrics.get("Accuracy") is Accuracy
    assert metrics.get("Recall") is dict
