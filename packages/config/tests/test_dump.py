"""A configuration as Python text."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_config import Config
from eng_config.dump import python_text, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        ((1,), "(1, )"),
        ([], "[]"),
        ({}, "dict()"),
        ({"b": 1, "a": 2}, "dict(a=2, b=1)"),
        ({"a-b": 1, "c": 2}, "{'a-b': 1, 'c': 2}"),
        ({"class": 1}, "{'class': 1}"),
        ({1: 2}, "{1: 2}"),
        ("it's\n", '"it\'s\\n"'),
        (float("inf"), "float('inf')"),
        ({"x"}, "set(['x'])"),
        (dict, "'builtins.dict'"),
    ],
)
def test_values(value, text):
    """Everything that Python can read back."""
    assert python_text({"v": value}) == f"v = {text}\n"


def test_long_values_are_broken():
    """One part a line."""
    value = {"name": "x" * 40, "sizes": list(range(30))}
    start = ["v = dict(", f"    name='{'x' * 40}',", "    sizes=[", "        0,"]
    assert python_text({"v": value}).splitlines()[:4] == start
    assert python_text({"v": value}, formatted=False).count("\n") == 1


def test_what_no_text_gives_back():
    """The key path is told."""
    with pytest.raises(TypeError, match=r"a.b: <object .* has no text that gives it back"):
        Config({"a": {"b": object()}}).dump()
    with pytest.raises(ValueError, match="cannot stand at the top of a Python file"):
        Config({"a-b": 1}).dump()


names = st.text("abcdefgh_", min_size=1, max_size=6).filter(
    lambda key: key not in ("def", "_delete_") and not key.startswith("__")
)
atoms = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)  # fmt: skip
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(names | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
plain = st.dictionaries(names, values, max_size=5).filter(
    lambda data: not {"filename", "text", "pretty_text", "env_variables"} & set(data)
)


def sorted_all(value):
    """The value with the keys of its dictionaries in one order, so that its text tells all types in it."""
    if isinstance(value, dict):
        return {key: sorted_all(part) for key, part in sorted(value.items())}
    return type(value)(map(sorted_all, value)) if isinstance(value, (list, tuple)) else value


def free_of_braces(text):
    """Whether nothing in the text asks for a substitution."""
    return "{{" not in text and "_deprecation_" not in text


@given(plain)
@settings(max_examples=60, deadline=None)
def test_dumping_and_loading_gives_an_equal_configuration(data):
    """In every format, with the same types, whatever it holds."""
    cfg = Config(data)
    for suffix in (".py", ".json", ".yaml", ".toml"):
        text = text_of(cfg.to_dict(), suffix)
        if free_of_braces(text) and not (suffix != ".py" and "dict(" in text):
            again = Config.fromstring(text, suffix)
            assert again == cfg
            assert (
                repr(again.to_dict()) == repr(dict(sorted(data.items()) if suffix == ".py" else data))
                or suffix == ".py"
            )


@given(plain)
@settings(max_examples=25, deadline=None)
def test_pickling_gives_an_equal_configuration(data):
    """As a spawned process gets it."""
    cfg = Config(data)
    assert pickle.loads(pickle.dumps(cfg)) == cfg


@pytest.mark.parametrize("data", [{"a": {"b": "\ud800"}}, {"a": {"b": 1, "\ud800": 1}}])
def test_a_character_that_utf8_cannot_write(data):
    """Python text has an escape for it; the data formats refuse it with the key path."""
    cfg = Config(data)
    assert Config.fromstring(cfg.pretty_text, ".py") == cfg
    for suffix in (".json", ".yaml", ".toml"):
        with pytest.raises(ValueError, match=r"^a\..*UTF-8 cannot write; dump to a `.py` file"):
            text_of(cfg.to_dict(), suffix)
