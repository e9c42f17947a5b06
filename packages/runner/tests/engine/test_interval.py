"""How often something happens, from ints and texts."""

import pytest

from eng_runner import Every


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500 steps", Every(500, "step")),
        ("2 epochs", Every(2, "epoch")),
        ("1 epoch", Every(1, "epoch")),
        ("10k samples", Every(10_000, "sample")),
        ("1.5M samples", Every(1_500_000, "sample")),
        ("15 min", Every(900, "second")),
        ("2 hours", Every(7200, "second")),
        ("3 batches", Every(3, "iter")),
        ("500steps", Every(500, "step")),
        ("10ksamples", Every(10_000, "sample")),
        ("15min", Every(900, "second")),
        ("2msamples", Every(2_000_000, "sample")),
    ],
)
def test_texts(text, expected):
    """A number, perhaps a multiplier, a unit in singular or plural."""
    assert Every.parse(text) == expected


def test_an_int_is_in_the_documented_unit():
    """Integers keep their documented meaning."""
    assert Every.parse(3, of="epoch", begin=2) == Every(3, "epoch", 2)


@pytest.mark.parametrize("text", ["often", "5", "5 parsecs", "steps 5", "-1 steps"])
def test_another_text_is_an_error_that_shows_how(text):
    """The error quotes the text and shows three that work."""
    with pytest.raises(ValueError, match="'500 steps', '10k samples', '15 min'"):
        Every.parse(text)


@pytest.mark.parametrize("value", [True, 1.5, None])
def test_another_type_is_an_error(value):
    """Neither a bool nor a float is an interval."""
    with pytest.raises(TypeError, match="an int or a string like '500 steps'"):
        Every.parse(value)


def test_due_on_multiples_from_the_beginning():
    """interval 2 from 5 on: 5, 7, 9, 11."""
    every = Every(2, "epoch", begin=5)
    assert [n for n in range(1, 13) if every.due(n, before=n - 1)] == [5, 7, 9, 11]


def test_due_when_a_multiple_is_crossed():
    """Samples advance by a batch; a multiple inside the stride counts once."""
    every = Every(100, "sample")
    assert [n for n in range(64, 513, 64) if every.due(n, before=n - 64)] == [128, 256, 320, 448, 512]


@pytest.mark.parametrize("n", [0, -1])
def test_zero_and_negative_are_never(n):
    """-1 switches something off."""
    assert not any(Every(n).due(k, before=k - 1) for k in range(10))
