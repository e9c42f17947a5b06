"""The rules of merging, and what follows from them."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_config.merge import merge_into, without_flags


@pytest.mark.parametrize(
    ("base", "child", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1}}, {"a": {"_delete_": True, "y": 3}}, {"a": {"y": 3}}),
        ({"a": {"x": 1}}, {"a": {"_delete_": False, "y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
        ({"a": {"x": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"_delete_": True, "x": 1}}, {"a": {"x": 1}}),
        ({}, {"a": {"_delete_": True, "b": {"_delete_": True, "c": 1}}}, {"a": {"b": {"c": 1}}}),
        ({"a": 1}, {"a": [{"_delete_": True, "x": 1}]}, {"a": [{"x": 1}]}),
    ],
)
def test_rules(base, child, expected):
    """One for each line of the guide."""
    merge_into(base, child)
    assert base == expected


@pytest.mark.parametrize("old", [1, None, [1], "text"])
def test_a_dictionary_over_something_else_is_a_mistake(old):
    """Unless it says so."""
    with pytest.raises(TypeError, match=r"a.b: a dictionary cannot be merged into .*; add `_delete_=True`"):
        merge_into({"a": {"b": old}}, {"a": {"b": {"c": 1}}})


names = st.text("abc", min_size=1, max_size=1)
trees = st.recursive(
    st.integers(0, 3),
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
tables = st.dictionaries(names, trees, max_size=3)


def merged(base, *children):
    result = copy.deepcopy(base)
    for child in children:
        merge_into(result, child, strict=False)
    return result


@given(tables)
@settings(max_examples=40, deadline=None)
def test_nothing_changes_nothing(tree):
    """On either side; and merging something over itself."""
    assert merged(tree, {}) == merged({}, tree) == merged(tree, tree) == tree


@given(tables, tables)
@settings(max_examples=40, deadline=None)
def test_a_second_time_changes_nothing(base, child):
    """And every key of both is there."""
    once = merged(base, child)
    assert merged(once, child) == once
    assert set(once) == set(base) | set(child)
    assert list(once)[: len(base)] == list(base)


@given(tables, tables, tables)
@settings(max_examples=40, deadline=None)
def test_one_after_the_other_is_both_merged_first(a, b, c):
    """For children that meet dictionaries with dictionaries."""
    assert merged(a, b, c) == merged(a, merged(b, c)) or not compatible(a, b, c)


def compatible(*tables_):
    """Whether no key is a dictionary in one of them and something else in another."""
    for key in set().union(*tables_):
        kinds = {isinstance(table[key], dict) for table in tables_ if key in table}
        if len(kinds) > 1:
            return False
        if kinds == {True} and not compatible(*(table[key] for table in tables_ if key in table)):
            return False
    return True


@given(tables, tables)
@settings(max_examples=40, deadline=None)
def test_delete_replaces(base, child):
    """Whatever was there."""
    assert merged({"k": base}, {"k": {**child, "_delete_": True}}) == {"k": child}


@given(tables, tables)
@settings(max_examples=40, deadline=None)
def test_the_child_is_not_shared(base, child):
    """Changing the result changes no one else."""
    before = copy.deepcopy(child)
    result = merged(base, child)
    for value in result.values():
        if isinstance(value, dict):
            value["new"] = 1
    assert child == before


def test_flags_are_left_out_of_copies():
    """At any depth."""
    assert without_flags({"a": ({"_delete_": True, "b": [{"_delete_": 1}]},)}) == {"a": ({"b": [{}]},)}
