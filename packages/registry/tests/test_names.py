"""What a name means, and who may take it."""

import functools
import importlib

import pytest

from eng_registry import Registry, TakenError, WrongTypeError


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
    assert message.count("test_names.py:") == 2
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
