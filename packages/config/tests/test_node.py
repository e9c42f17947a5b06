"""ConfigDict: a dictionary that is read by attribute."""

import copy
import pickle
from collections import OrderedDict, UserDict

import pytest

from eng_config import Config, ConfigDict
from eng_config.lazy import LazyObject


def test_attributes_are_items():
    """Both ways, to any depth, through lists and tuples."""
    node = ConfigDict(a={"b": [{"c": 1}, ({"d": 2},)]})
    assert (node.a.b[0].c, node["a"]["b"][1][0].d) == (1, 2)
    node.a.e = {"f": 3}
    assert node["a"]["e"].f == 3
    del node.a.e
    assert "e" not in node.a


def test_a_missing_key_is_both_errors():
    """Whichever way it was asked for; there is no auto-vivification."""
    node = ConfigDict(depth=1)
    for read in (lambda: node.dept, lambda: node["dept"]):
        with pytest.raises(
            AttributeError, match=r"no key `dept` \(did you mean `depth`\?\); there is: depth"
        ):
            read()
        with pytest.raises(KeyError):
            read()
    with pytest.raises(AttributeError):
        del node.dept
    assert not hasattr(node, "__deepcopied__")


def test_exact_dictionaries_are_converted_and_others_left_alone():
    """A subclass of dict has a reason to be one."""

    class Own(dict):
        pass

    node = ConfigDict(a=OrderedDict(x=1), b=Own(x=1), c=UserDict(x=1))
    assert [type(node.a), type(node.b), type(node.c)] == [ConfigDict, Own, UserDict]


def test_falsy_arguments_are_skipped():
    """None, for a default that was not given."""
    assert ConfigDict(None, a=1) == {"a": 1}
    assert ConfigDict([("a", 1)], b=2) == {"a": 1, "b": 2}


def test_methods_stay_methods():
    """A key of that name is an item."""
    node = ConfigDict(items=1, get=2, other=3)
    assert (node["items"], node["get"], node.other) == (1, 2, 3)
    assert node.get("other") == 3
    assert node.items() == [("items", 1), ("get", 2), ("other", 3)]


def test_pop_never_raises():
    """None, or the default, for a key that is not there."""
    node = ConfigDict(a=1)
    assert (node.pop("a"), node.pop("a"), node.pop("a", 5)) == (1, None, 5)


def test_update_merges():
    """A dictionary that meets a dictionary; anything else replaces."""
    node = ConfigDict(a={"x": 1, "y": 2}, b=[1])
    node.update({"a": {"y": 3}}, b=[2])
    assert node == {"a": {"x": 1, "y": 3}, "b": [2]}
    node |= {"a": {"z": 4}}
    assert node.a == {"x": 1, "y": 3, "z": 4}
    with pytest.raises(TypeError, match="one mapping at most"):
        node.update({}, {})


def test_merge_honours_delete_at_any_depth():
    """And a dictionary may take the place of something else."""
    node = ConfigDict(a={"b": {"c": 1}}, d=1)
    node.merge({"a": {"b": {"_delete_": True, "e": 2}}, "d": {"f": 3}})
    assert node == {"a": {"b": {"e": 2}}, "d": {"f": 3}}


def test_setdefault():
    """Gives what is stored."""
    node = ConfigDict()
    assert node.setdefault("a", {"b": 1}).b == 1
    assert node.setdefault("a", 2) == {"b": 1}


def test_copies():
    """A shallow one shares its nodes, a deep one nothing; both are nodes."""
    node = ConfigDict(a={"b": [1]})
    for shallow in (node.copy(), copy.copy(node)):
        assert shallow == node
        assert shallow.a is node.a
    deep = copy.deepcopy(node)
    deep.a.b.append(2)
    assert (node.a.b, type(deep.a)) == ([1], ConfigDict)
    assert pickle.loads(pickle.dumps(node)) == node


def test_a_deep_copy_keeps_shared_parts_shared():
    """As `copy.deepcopy` does for dictionaries."""
    shared = [1]
    deep = copy.deepcopy(ConfigDict(a={"x": shared}, b={"x": 1}))
    assert deep.a.x == [1]


def test_to_dict_is_plain():
    """No node is left."""
    plain = ConfigDict(a={"b": ({"c": 1},)}).to_dict()
    assert (plain, type(plain["a"]), type(plain["a"]["b"][0])) == ({"a": {"b": ({"c": 1},)}}, dict, dict)


def test_equality():
    """With nodes and dictionaries, not with anything else."""
    node = ConfigDict(a={"b": 1})
    assert node == {"a": {"b": 1}} == node
    assert node != {"a": {"b": 2}}
    assert node != [("a", {"b": 1})]


@pytest.fixture
def lazy():
    """A node with an object that is imported when it is read."""
    return ConfigDict(
        type=LazyObject("collections", "OrderedDict"), inner=[LazyObject("os.path", "join")], x=1
    )


def test_lazy_objects_are_never_seen(lazy):
    """Every way of reading gives the object itself."""
    import os.path

    found = [
        lazy.type,
        lazy["type"],
        lazy.get("type"),
        dict(lazy.items())["type"],
        lazy.values()[0],
        {**lazy}["type"],
    ]
    assert found == [OrderedDict] * 6
    assert lazy.inner == [os.path.join]
    assert copy.copy(lazy).pop("type") is OrderedDict


def test_lazy_objects_stay_stored(lazy):
    """Through setting, updating and copying; their names are what is written."""
    for node in (copy.deepcopy(lazy), copy.copy(lazy), ConfigDict(lazy), pickle.loads(pickle.dumps(lazy))):
        assert node.to_dict()["type"] == "collections.OrderedDict"
        assert type(node._to_lazy_dict()["type"]) is LazyObject
    other = ConfigDict()
    other.update(lazy)
    assert type(other._to_lazy_dict()["type"]) is LazyObject


def test_lazy_nodes_are_compared_by_name(lazy):
    """Nothing is imported for it; a dictionary has to hold the object."""
    assert lazy == copy.deepcopy(lazy)
    assert ConfigDict(type=LazyObject("collections", "OrderedDict")) == {"type": OrderedDict}
    assert ConfigDict(type=LazyObject("nowhere", "X")) != ConfigDict(type=LazyObject("nowhere", "Y"))


def test_build_lazy():
    """The object, or the value."""
    assert ConfigDict.build_lazy(LazyObject("collections", "OrderedDict")) is OrderedDict
    assert ConfigDict.build_lazy(3) == 3


def test_a_node_knows_where_it_was_set():
    """By file and line, and by the code that changed it."""
    cfg = Config.fromstring("model = dict(\n    depth=50,\n)\n", ".py")
    assert (str(cfg.model.__origin__()), str(cfg.model.__origin__("depth"))) == ("<string>:1", "<string>:2")
    cfg.model.depth = 18
    assert cfg.model.__origin__("depth").file == __file__
    assert ConfigDict(a=1).__origin__("a") is None
