"""The nearest name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_registry import suggest


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


words = st.text(alphabet="abAB_", min_size=1, max_size=8)


@given(st.lists(words, min_size=1), st.data())
def test_a_choice_is_nearest_to_itself(choices, data):
    """Whatever else there is."""
    word = data.draw(st.sampled_from(choices))
    assert word.lower() in suggest(word, choices).lower()


def test_the_first_of_two_that_differ_by_case():
    """In the order of the alphabet, so that the message is always the same."""
    assert suggest("sgdd", ["sgd", "SGD", "Sgd"]) == "did you mean `SGD`?"
