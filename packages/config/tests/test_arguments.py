"""Values on the command line."""

import argparse
import math

import pytest

from eng_config import Config, ConfigError, DictAction, parse_overrides
from eng_config.arguments import parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        ("1_000", 1000),
        ("-2", -2),
        ("true", True),
        ("False", False),
        ("None", None),
        ("none", "none"),
        ("text", "text"),
        ("'quoted'", "quoted"),
        ('"3"', 3),
        ("", ""),
        ("a,b", ["a", "b"]),
        ("1,2,3", [1, 2, 3]),
        ("[]", []),
        ("()", ()),
        ("(1,)", (1,)),
        ("(1)", (1,)),
        ("[1,2]", [1, 2]),
        ("[ 1 , 2 ]", [1, 2]),
        ("[(a,b),[1,2],false]", [("a", "b"), [1, 2], False]),
        ("(1,2),(3,4)", [(1, 2), (3, 4)]),
        ("((1,(2,)),[])", ((1, (2,)), [])),
        ("a=b", "a=b"),
    ],
)
def test_values(text, value):
    """Numbers, truth, None, lists and tuples to any depth; else a text."""
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_nan():
    """Is a number."""
    assert math.isnan(parse_value("nan"))


@pytest.mark.parametrize("text", ["[1,2", "1,2]", "(1,[2)]", "((1)", "]"])
def test_unbalanced_brackets(text):
    """The bracket and its place are told."""
    with pytest.raises(
        AssertionError, match=r"<command line>:1: a: the `.` at character \d of .* has no partner"
    ):
        parse_overrides([f"a={text}"])


@pytest.mark.parametrize("text", ["[dict(type='A')]", "dict(a=1)", "{'a': 1, 'b': 2}", '[{"a": 1}]'])
def test_a_mapping_is_no_value(text):
    """It would silently be a text."""
    with pytest.raises(
        ValueError, match=r"<command line>:1: hooks: .* an override holds no mapping; set its keys one"
    ):
        parse_overrides([f"hooks={text}"])


@pytest.mark.parametrize("text", ["{loss:.3f}", "dictionary.txt", "a{b}"])
def test_a_text_with_braces(text):
    """Stays one."""
    assert parse_overrides([f"name={text}"]) == {"name": text}


@pytest.mark.parametrize("argument", ["a", "=1", " =1", ""])
def test_an_override_has_a_key_and_a_value(argument):
    """Which argument is told."""
    with pytest.raises(ValueError, match=r"<command line>:2: .* is no override; write `key.path=value`"):
        parse_overrides(["a=1", argument])


@pytest.fixture
def parser():
    """A parser with the option."""
    made = argparse.ArgumentParser()
    made.add_argument("--options", nargs="+", action=DictAction, default={"z": 0})
    return made


def test_the_action_collects(parser):
    """Repeated, later values win; a shared default is not changed."""
    first = parser.parse_args(["--options", "a=1", "b.c=[x,y]", "--options", "a=2", "d=(1,2)"]).options
    assert first == {"z": 0, "a": 2, "b.c": ["x", "y"], "d": (1, 2)}
    assert parser.parse_args([]).options == {"z": 0}


def test_the_action_is_for_merging(parser):
    """Every value knows which argument gave it."""
    cfg = Config({"a": 0, "b": {"c": 1}})
    cfg.merge_from_dict(parser.parse_args(["--options", "a=1", "--options", "b.c=2", "b.d=3"]).options)
    assert cfg.to_dict() == {"a": 1, "b": {"c": 2, "d": 3}, "z": 0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000 + "]" * 5000, "nested deeper than 100 levels"),
        ("9" * 5000, "a number of more than 4,000 digits"),
        ("-" + "9" * 5000, "a number of more than 4,000 digits"),
    ],
)
def test_a_value_out_of_proportion(text, said):
    """It is refused with a typed error; the number would silently be infinite."""
    with pytest.raises(ConfigError, match=f"<command line>:1: a: .*{said}"):
        parse_overrides([f"a={text}"])


@pytest.mark.parametrize("arguments", [None, 1, [1], [b"a=1"], [("a", 1)], {1: 2}])
def test_arguments_that_are_no_texts(arguments):
    """A ConfigTypeError says what is expected."""
    with pytest.raises(ConfigError, match="`KEY=VALUE`, not") as caught:
        parse_overrides(arguments)
    assert isinstance(caught.value, TypeError)
