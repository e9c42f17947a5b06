"""Numbers as text."""

import pytest

from eng_model.complexity.table import as_size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (100, "100"),
        (101, "0.101K"),
        (250, "0.25K"),
        (3856, "3.856K"),
        (100_001, "0.1M"),
        (123_456_789, "0.123G"),
        (2e11, "0.2T"),
        (2.5e15, "2.5P"),
        (1.5, "1.5"),
    ],
)
def test_a_letter_comes_at_a_tenth_of_its_unit(number: float, text: str) -> None:
    """Three decimals at most."""
    assert as_size(number) == text
