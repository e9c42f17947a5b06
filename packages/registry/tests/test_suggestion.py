"""The nearest name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_registry import suggest
from eng_registry.suggestion import edits, nearest


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, "ResNet") for word in ("resnet", "ResNte", "ResNett", "esNet")),
        ("sgd", "SGD"),
        ("VGG", "VGG"),
    ],
)
def test_the_nearest_choice(word, expected):
    """Case, swapped, doubled and missing letters."""
    assert suggest(word, ["SGD", "ResNet", "VGG"]) == f"did you mean `{expected}`?"


@pytest.mark.parametrize("word", ["Adam", "", "Transformer"])
def test_nothing_where_nothing_is_near(word):
    """Better silent than wrong."""
    assert suggest(word, ["SGD", "ResNet", "VGG"]) == ""


words = st.text(alphabet="abAB_", max_size=8)


@given(words, words)
def test_the_distance_is_symmetric_and_zero_only_for_equal_words(a, b):
    """As a distance should be."""
    assert edits(a, b) == edits(b, a)
    assert (edits(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= edits(a, b) <= max(len(a), len(b))


@given(st.lists(words, min_size=1), st.data())
def test_a_choice_is_nearest_to_itself(choices, data):
    """Whatever else there is."""
    word = data.draw(st.sampled_from(choices))
    assert edits(nearest(word, choices).lower(), word.lower()) == 0
