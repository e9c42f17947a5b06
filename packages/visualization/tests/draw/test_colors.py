import pytest

from eng_visualization import color_str2rgb, color_val_matplotlib


def test_names_and_tuples_become_what_matplotlib_takes():
    """Tuples are from 0 to 255 and become 0 to 1; lists are converted one by one."""
    assert color_val_matplotlib("g") == "g"
    assert color_val_matplotlib((255, 0, 51)) == (1.0, 0.0, 0.2)
    assert color_val_matplotlib(["r", (0, 255, 0)]) == ["r", (0.0, 1.0, 0.0)]


@pytest.mark.parametrize("color", [1, 0.5, (1, 2), [1], None])
def test_what_is_no_colour_is_refused(color):
    """Numbers and tuples of another length are no colours."""
    with pytest.raises(TypeError, match="colour"):
        color_val_matplotlib(color)


def test_names_become_numbers():
    """From 0 to 255."""
    assert color_str2rgb("g") == (0, 128, 0)
    assert color_str2rgb("#ff8000") == (255, 128, 0)


@pytest.mark.parametrize("color", ["nocolour", (300, 0, 0), (-1, 0, 0)])
def test_a_colour_that_there_is_not_is_told_as_such(color):
    """Matplotlib would speak of its own arguments."""
    with pytest.raises(ValueError, match=r"no colour|from 0 to 255"):
        color_val_matplotlib(color)
