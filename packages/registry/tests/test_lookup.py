"""From names with and without a scope to objects, in a tree of registries."""

import importlib

import pytest

from eng_registry import Registry


class Tree:
    """A root with two children, one of them with a child of its own; each holds a class named after it."""

    def __init__(self):
        self.dogs = Registry("dog", scope="root")
        self.hounds = Registry("hound", parent=self.dogs, scope="hound")
        self.beagles = Registry("beagle", parent=self.hounds, scope="beagle")
        self.samoyeds = Registry("samoyed", parent=self.dogs, scope="samoyed")
        for node in (self.dogs, self.hounds, self.beagles, self.samoyeds):
            node.register_module(f"{node.scope}Dog", module=type(f"{node.scope}Dog", (), {}))


@pytest.fixture
def tree():
    """A fresh tree."""
    return Tree()


def name_of(found):
    return found.__name__ if found is not None else None


@pytest.mark.parametrize(
    ("asked", "key", "expected"),
    [
        ("dogs", "rootDog", "rootDog"),
        ("dogs", "root.rootDog", "rootDog"),
        ("dogs", "hound.houndDog", "houndDog"),
        ("dogs", "hound.beagle.beagleDog", "beagleDog"),
        ("dogs", "houndDog", None),  # never downwards without a prefix
        ("hounds", "rootDog", "rootDog"),
        ("hounds", "root.rootDog", "rootDog"),
        ("hounds", "hound.houndDog", "houndDog"),
        ("hounds", "hound.rootDog", None),  # the own scope means this very registry
        ("hounds", "samoyed.samoyedDog", "samoyedDog"),
        ("hounds", "beagle.beagleDog", "beagleDog"),
        ("beagles", "houndDog", "houndDog"),
        ("beagles", "rootDog", "rootDog"),
        ("beagles", "hound.houndDog", "houndDog"),
        ("beagles", "samoyed.samoyedDog", "samoyedDog"),
        ("samoyeds", "hound.beagle.beagleDog", "beagleDog"),
        ("samoyeds", "beagle.beagleDog", None),  # the path starts at a child of the root
        ("samoyeds", "samoyed.Nothing", None),
        ("dogs", "nobody.rootDog", None),
        ("dogs", "", None),
        ("dogs", ".", None),
    ],
)
def test_where_a_name_is_searched(tree, asked, key, expected):
    """Here and above without a prefix, there with one."""
    assert expected == name_of(getattr(tree, asked).get(key))


def test_the_nearest_registry_wins(tree):
    """A child hides the name of its parent."""
    tree.hounds.register_module("rootDog", module=dict)
    assert (tree.hounds.get("rootDog"), name_of(tree.hounds.get("root.rootDog"))) == (dict, "rootDog")


def test_mmengine_is_another_name_of_the_root_scope():
    """Configurations written for it keep working."""
    root = Registry("model", scope="eng")
    child = Registry("model", parent=root, scope="mmdet")
    root.register_module(module=dict)
    assert child.get("mmengine.dict") is child.get("eng.dict") is dict


@pytest.mark.parametrize(
    ("key", "expected"), [("A", (None, "A")), ("s.A", ("s", "A")), ("s.t.A", ("s", "t.A"))]
)
def test_a_key_splits_at_its_first_dot(key, expected):
    """The scope, and the rest."""
    assert expected == Registry.split_scope_key(key)


def test_locations_are_imported_on_the_first_miss(on_disk):
    """And not before, and once."""
    on_disk(
        {
            "lazy_parts.py": "from lazy_home import parts\nparts.register_module(module=dict)\n",
            "lazy_home.py": "",
        }
    )
    parts = Registry("part", scope="demo", locations=["lazy_parts"])
    importlib.import_module("lazy_home").parts = parts
    assert len(parts) == 0
    assert parts.get("dict") is dict


def test_a_location_that_cannot_be_imported_is_the_callers_error(on_disk):
    """With the original traceback, and a note that says which registry asked."""
    on_disk({"broken_location.py": "import nothing_of_this_name\n"})
    parts = Registry("part", scope="demo", locations=["broken_location"])
    for _ in range(2):  # it is not forgotten either
        with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name") as caught:
            parts.build({"type": "X"})
        assert any("a location of the demo::part registry" in note for note in caught.value.__notes__)


def test_a_parent_is_completed_too(on_disk):
    """A miss in the child imports the locations of the parent."""
    on_disk(
        {
            "above_parts.py": "from above_home import root\nroot.register_module(module=dict)\n",
            "above_home.py": "",
        }
    )
    root = Registry("part", scope="root", locations=["above_parts"])
    importlib.import_module("above_home").root = root
    assert Registry("part", parent=root, scope="child").get("dict") is dict


def test_a_miss_says_where_the_name_is():
    """In another registry of another tree, and in another scope of this one."""
    root = Registry("fruit_here", scope="orchard")
    child = Registry("fruit_here", parent=root, scope="glasshouse")
    other = Registry("fruit_there", scope="market")
    for registry in (child, other):
        registry.register_module("Persimmon", module=dict)
    with pytest.raises(KeyError) as caught:
        root.build({"type": "Persimmon"})
    assert "It is in glasshouse::fruit_here (`glasshouse.Persimmon`) and market::fruit_there." in str(
        caught.value
    )


def test_a_miss_in_an_empty_registry_says_so():
    """Most often the module that registers was not imported."""
    with pytest.raises(
        KeyError, match="Nothing is registered there: is the module that registers it imported"
    ):
        Registry("x", scope="demo").build({"type": "Unheard"})


def test_a_miss_shows_the_first_names_only():
    """A registry of hundreds does not fill the screen."""
    many = Registry("x", scope="demo")
    for number in range(30):
        many.register_module(f"Name{number:02}", module=dict)
    with pytest.raises(KeyError, match=r"Registered: Name00, .*, Name11, \.\.\. \(30 in all\)"):
        many.build({"type": "Unheard"})


def test_an_unknown_scope_lists_the_scopes(tree):
    """With the nearest one."""
    with pytest.raises(
        KeyError, match=r"there is no scope `hond`; did you mean `hound.houndDog`\?"
    ) as caught:
        tree.dogs.build({"type": "hond.houndDog"})
    assert "Scopes: hound, root, samoyed." in str(caught.value)


def test_what_fills_a_registry_is_named_when_it_is_not_installed():
    """The command that installs it is in the message."""
    models = Registry("model", scope="demo", entry_point="nothing_there", provider="eng-nothing-of-this-name")
    with pytest.raises(KeyError, match="pip install eng-nothing-of-this-name"):
        models.build({"type": "Net"})
