import json
import logging
import sys

import pytest

from eng_logging import JsonFormatter, LineFormatter


def record(level=logging.INFO, message="loss: %.1f", args=(0.5,), exc_info=None):
    return logging.LogRecord("eng", level, "/code/train.py", 12, message, args, exc_info, func="step")


def test_a_line_says_when_who_how_bad_and_what():
    """The four parts, in order."""
    assert LineFormatter(datefmt="NOW").format(record()) == "NOW - eng - INFO - loss: 0.5"


def test_every_record_has_its_own_second():
    """Also one that comes late, and the same one again."""
    formatter = LineFormatter(datefmt="%H:%M:%S")
    said = []
    for seconds in (10.0, 10.9, 11.0, 10.5):
        late = record()
        late.created = seconds
        said.append(formatter.format(late)[6:8])
    assert said == ["10", "10", "11", "10"]


def test_an_error_also_says_where():
    """File, function and line stand before the message."""
    line = LineFormatter(datefmt="NOW").format(record(logging.ERROR))
    assert line == "NOW - eng - ERROR - /code/train.py - step - 12 - loss: 0.5"


def test_a_traceback_follows_the_line():
    """As logging does it."""
    try:
        raise OSError("disk")
    except OSError:
        text = LineFormatter(datefmt="NOW").format(record(exc_info=sys.exc_info()))
    assert text.startswith("NOW - eng - INFO - loss: 0.5\nTraceback")
    assert text.endswith("OSError: disk")


@pytest.mark.parametrize(
    ("level", "colour"),
    [
        (logging.DEBUG, "32"),
        (logging.INFO, "37"),
        (logging.WARNING, "33"),
        (logging.ERROR, "31"),
        (25, "37"),
        (50, "31"),
    ],
)
def test_the_level_is_coloured(level, colour):
    """Each of the four has a colour; one in between looks like the one below."""
    line = LineFormatter(color=True, datefmt="NOW").format(record(level))
    assert f"\x1b[4;{colour}m{logging.getLevelName(level)}\x1b[0m" in line


def test_blinking_is_for_warnings_and_errors_in_colour():
    """Information does not blink, and nothing blinks without colour."""
    formatter = LineFormatter(color=True, blink=True)
    assert "\x1b[4;5;33m" in formatter.format(record(logging.WARNING))
    assert "\x1b[4;37m" in formatter.format(record())
    with pytest.raises(AssertionError, match="needs color"):
        LineFormatter(blink=True)


def test_a_percent_sign_in_a_level_name_is_harmless():
    """Level names are free text."""
    logging.addLevelName(41, "100%s")
    assert " - 100%s - " in LineFormatter().format(record(41))
    assert "100%s" in LineFormatter(color=True).format(record(41))


def test_json_lines_are_json():
    """One object per record, with the traceback if there is one."""
    try:
        raise OSError("disk")
    except OSError:
        line = JsonFormatter().format(record(message="größer\n%s", args=("x",), exc_info=sys.exc_info()))
    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["level"], fields["logger"], fields["message"]) == ("INFO", "eng", "größer\nx")
    assert fields["error"].endswith("OSError: disk")
    assert "error" not in json.loads(JsonFormatter().format(record()))


def test_each_layout_of_the_time_is_its_own():
    """Of one second and one formatter; with milliseconds each record has its own."""
    formatter, late = LineFormatter(datefmt="%M:%S"), record()
    late.created, late.msecs = 10.25, 250.0
    assert formatter.format(late)[:5] == "00:10"
    assert formatter.formatTime(late, "%S") == "10"
    assert formatter.formatTime(late).endswith(":10,250")
    late.created, late.msecs = 10.5, 500.0
    assert formatter.formatTime(late).endswith(":10,500")
