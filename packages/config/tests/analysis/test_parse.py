"""Parsing, in several threads too, and taking `_base_ = ...` out of a text without parsing all of it."""

import ast
import sys
import threading

import pytest

from eng_config import Config
from eng_config.analysis.parse import PythonText, is_base_assignment, parse


@pytest.mark.parametrize(
    ("text", "names", "body"),
    [
        ("_base_ = 'a.py'\nx = 1\n", "a.py", "()\nx = 1\n"),
        ("# about\nx = 'ü'; _base_ = 'ü.py'; y = 2\n", "ü.py", "# about\nx = 'ü'; (); y = 2\n"),
        (
            "_base_ = [\n    'a.py',  # first\n    'b.py',\n]  # done\nx = 1",
            ["a.py", "b.py"],
            "(\n\n\n)  # done\nx = 1",
        ),
        (
            "text = '''\n_base_ = 'no.py'\n'''\n_base_ = 'a.py'",
            "a.py",
            "text = '''\n_base_ = 'no.py'\n'''\n()",
        ),
        ("x = 1\n_base_ = \\\n    'a.py'\n", "a.py", "x = 1\n(\n)\n"),
    ],
)
def test_the_statement_and_what_is_left(text, names, body):
    """The lines of what is left stay where they are."""
    python = PythonText(text, "cfg.py")
    statement = python.base_assignment()
    assert ast.literal_eval(statement.value) == names
    assert python.text_without(statement) == body
    assert not any(map(is_base_assignment, python.tree_without_base().body))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        "x = dict(\n_base_='a.py')\n",
        "text = '''\n_base_ = 'a.py'\n'''\n",
        "if x:\n    _base_ = 'a.py'\n",
        "text = 'one \\\n_base_ = two'\n",
        "same = _base_ == 'a.py'\n",
    ],
)
def test_what_only_looks_like_it(text):
    """Arguments, texts, what depends on a condition, comparisons."""
    python = PythonText(text, "cfg.py")
    assert python.base_assignment() is None
    assert python.text_without(None) == text


def test_errors_keep_their_lines(on_disk):
    """Of what raises below a long list of bases."""
    file = on_disk(a_py="x = 1\n", child_py="_base_ = [\n\n'./a.py',\n\n]\ny = _base_.x / 0\n")
    with pytest.raises(RuntimeError, match=r"child\.py:6: .*division by zero"):
        Config.fromfile(file)


TEXT = "a = " + "[" * 60 + "1" + "]" * 60 + "\n" + "b = f(1, 2, x=[1, 2, 3])\n" * 200


class Talks:
    """Garbage that runs code, so that another thread gets its turn wherever garbage is collected."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        for _ in range(20):
            pass


@pytest.fixture
def _hasty():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_hasty")
def test_threads_that_parse_do_not_meet():
    """`ast.parse` itself fails here about two hundred times on CPython 3.11.7."""
    errors = []

    def work():
        for _ in range(100):
            for _ in range(50):
                Talks()
            try:
                parse(TEXT)
            except SystemError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
