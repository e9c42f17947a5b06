"""Taking `_base_ = ...` out of a text without parsing all of it."""

import ast

import pytest

from eng_config import Config
from eng_config.analysis.style import split_base


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
    statement, left = split_base(text, "cfg.py")
    assert ast.literal_eval(statement.value) == names
    assert left == body


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
    assert split_base(text, "cfg.py") == (None, text)


def test_errors_keep_their_lines(on_disk):
    """Of what raises below a long list of bases."""
    file = on_disk(a_py="x = 1\n", child_py="_base_ = [\n\n'./a.py',\n\n]\ny = _base_.x / 0\n")
    with pytest.raises(RuntimeError, match=r"child\.py:6: .*division by zero"):
        Config.fromfile(file)
