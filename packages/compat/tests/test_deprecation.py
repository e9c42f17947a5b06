"""Old names work, and say what comes instead."""

import logging

import pytest
from mmengine.logging import MMLogger
from mmengine.utils import deprecated_api_warning, deprecated_function


@deprecated_api_warning({"old": "new"}, cls_name="Thing")
def renamed(new=1, other=2):
    """One argument got another name."""
    return new, other


def test_an_old_argument_arrives_under_its_new_name():
    """With a warning at the caller's line."""
    with pytest.warns(
        DeprecationWarning, match='"old" is deprecated in `Thing.renamed`, please use "new"'
    ) as told:
        assert renamed(old=5) == (5, 2)
    assert told[0].filename == __file__


def test_new_names_are_silent():
    """Warnings are errors here: none is raised."""
    assert [renamed(3), renamed(new=4, other=5)] == [(3, 2), (4, 5)]


def test_both_names_contradict():
    """Which one is meant cannot be known."""
    with pytest.raises(AssertionError, match=r"`Thing\.renamed` was given both `old` and `new`"):
        renamed(old=1, new=2)


@pytest.fixture
def lines():
    """What reaches the logger in force."""
    kept = []

    class Keep(logging.Handler):
        def emit(self, record):
            kept.append((record.levelno, record.getMessage()))

    with MMLogger("of the test", handlers=[Keep()]).as_current():
        yield kept


def test_an_old_function_warns_once(lines):
    """And its documentation begins with the note."""

    @deprecated_function("0.2.0", "0.3.0", "call `other`")
    def old(a, b):
        """What it does.

        Args:
            a: One.
        """
        return a, b

    assert [old(1, b=2), old(3, 4)] == [(1, 2), (3, 4)]
    text = f"'{__name__}.old' is deprecated in version 0.2.0 and will be removed in version 0.3.0. Please call `other`."
    assert lines == [(logging.WARNING, text)]
    assert old.__doc__ == (
        ".. deprecated:: 0.2.0\n    Deprecated and will be removed in version 0.3.0.\n    Please call `other`.\n\n"
        "What it does.\n\nArgs:\n    a: One.\n"
    )
