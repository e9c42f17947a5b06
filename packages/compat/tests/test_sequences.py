"""Sequences are asked, cut and converted as MMEngine does it."""

from collections import namedtuple

import pytest
from mmengine.utils import (
    apply_to,
    concat_list,
    is_list_of,
    is_seq_of,
    is_str,
    is_tuple_of,
    iter_cast,
    list_cast,
    slice_list,
    to_1tuple,
    to_2tuple,
    to_3tuple,
    to_4tuple,
    to_ntuple,
    tuple_cast,
)

from eng_config import ConfigDict

Pair = namedtuple("Pair", "a b")


def test_what_a_text_is():
    """Only `str` is one."""
    assert [is_str("a"), is_str(""), is_str(b"a"), is_str(None)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("seq", "kind", "seq_type", "expected"),
    [
        ([1, 2], int, None, True),
        ((1, "a"), (int, str), None, True),
        ([1, "a"], int, None, False),
        ([], int, None, True),
        ("abc", str, None, True),
        ({1, 2}, int, None, False),
        ((n for n in [1]), int, None, False),
        ({1, 2}, int, set, True),
        ([1], int, tuple, False),
    ],
)
def test_a_sequence_of_one_kind(seq, kind, seq_type, expected):
    """A text counts as a sequence of texts, sets and generators only if asked for, an empty one always."""
    assert is_seq_of(seq, kind, seq_type=seq_type) is expected


def test_the_kind_of_sequence_is_a_class():
    """Something else is refused."""
    with pytest.raises(AssertionError, match="`seq_type` is a class, not 'list'"):
        is_seq_of([1], int, seq_type="list")


def test_lists_and_tuples():
    """The two short forms look at the kind of the sequence too."""
    assert [is_list_of([1], int), is_list_of((1,), int)] == [True, False]
    assert [is_tuple_of((1,), int), is_tuple_of([1], int)] == [True, False]


def test_items_are_converted():
    """Lazily, or into a list, a tuple, or what is given."""
    assert list(iter_cast(["1", "2"], int)) == [1, 2]
    assert iter_cast(["1", "1"], int, return_type=set) == {1}
    assert list_cast((1, 2), str) == ["1", "2"]
    assert tuple_cast([1.5], int) == (1,)


def test_what_cannot_be_converted():
    """Neither a number is walked nor a text called."""
    with pytest.raises(TypeError, match="inputs must be an iterable object"):
        iter_cast(1, int)
    with pytest.raises(TypeError, match='"dst_type" must be a valid type'):
        iter_cast([1], "int")


def test_a_list_is_cut():
    """Into equal parts, or the given ones; a length of 0 is an empty part."""
    assert slice_list([1, 2, 3, 4], 2) == [[1, 2], [3, 4]]
    assert slice_list([1, 2, 3], [1, 0, 2]) == [[1], [], [2, 3]]


def test_a_list_that_cannot_be_cut_so():
    """What does not divide, does not add up, or is no list of lengths has an error of its own."""
    with pytest.raises(AssertionError):
        slice_list([1, 2, 3], 2)
    with pytest.raises(ValueError, match="sum of lens and list length does not match: 2 != 3"):
        slice_list([1, 2, 3], [1, 1])
    with pytest.raises(TypeError, match="must be an integer or a list of integers"):
        slice_list([1, 2, 3], (1, 2))


def test_lists_are_joined():
    """One level, no deeper."""
    assert concat_list([[1, [2]], [], [3]]) == [1, [2], 3]


def test_scalars_are_repeated():
    """What can be walked is returned as it is, even a text, and even of another length."""
    assert [to_1tuple(7), to_2tuple(7), to_3tuple(7), to_4tuple(7), to_ntuple(5)(7)] == [
        (7,) * n for n in range(1, 6)
    ]
    assert [to_2tuple([1, 2, 3]), to_2tuple("ab")] == [[1, 2, 3], "ab"]


def test_leaves_are_replaced_in_their_containers():
    """Mappings, named tuples, tuples and lists keep their types; a set is a leaf."""
    data = ConfigDict(a=[1, Pair(1, "x")], t=(2,), s={3})
    result = apply_to(data, lambda leaf: isinstance(leaf, int), lambda leaf: leaf + 1)
    assert result == {"a": [2, Pair(2, "x")], "t": (3,), "s": {3}}
    assert [type(result), type(result["a"][1])] == [ConfigDict, Pair]
