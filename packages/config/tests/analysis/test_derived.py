"""Which values are computed from which others."""

import warnings

import pytest

from eng_config import Config, DerivedValuesWarning

FILES = {
    "base_py": "lr = 0.1\nbatch = 4\noptimizer = dict(type='SGD', lr=lr, sizes=[batch, 2 * batch])\n",
    "child_py": """
    _base_ = './base.py'
    warmup = dict(start=_base_.lr / 10)
    again = {{_base_.optimizer.sizes}}
    name = f'run-{warmup["start"]}'
    """,
}


def told(text, options, suffix=".py"):
    """The values that the warning about the options names."""
    cfg = Config.fromstring(text, suffix)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cfg.merge_from_dict(options)
    return [name for one in caught for name in str(one.message).partition("but ")[2].split("`")[1::2][:-1]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = 1\nb = a * 2\n", ["b"]),
        ("a = 1\nb = dict(x=a, y=1)\n", ["b.x"]),
        ("a = 1\nb = [1, dict(x=a)]\n", ["b.1.x"]),
        ("a = [1]\nb = [2, *a]\n", ["b"]),
        ("a = dict(c=1)\nb = dict(**a, y=1)\n", ["b"]),
        ("a = 1\nb = f'{a}'\nc = [b]\n", ["b", "c.0"]),
        ("a = 1\nb = []\nb.append(dict(x=a))\n", ["b.0.x"]),
        ("a = 1\nb = [0]\nb.extend([a, 2])\n", ["b.1"]),
        ("a = 1\nb = dict()\nb.update(x=a)\n", ["b.x"]),
        ("a = 1\nb = dict()\nb.setdefault('x', a)\n", ["b.x"]),
        ("a = 1\nb = dict()\nb['x'] = a\n", ["b.x"]),
        ("a = [1, 2]\nb = []\nfor s in a:\n    b.append(dict(x=s))\n", ["s", "b.0.x"]),
        ("a = 1\nif a:\n    b = a\n", ["b"]),
        ("a = 1\nb = 2\nb += a\n", ["b"]),
        ("a = 1\nb, c = a, 2\n", ["b"]),
    ],
)
def test_what_is_computed_from_a(text, names):
    """Through every way in which a file can put a value somewhere, and through other values."""
    assert told(text, {"a": 5}) == names


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a = 1\nb = a\nb = 3\n", {"a": 5}),  # another value has taken its place
        ("a = 1\nb = a\n", {"a": 5, "b": 6}),  # it is overridden too
        ("a = 1\nb = dict(a=2)\n", {"a": 5}),  # an argument of that name
        ("a = 1\nb = a\ndel b\n", {"a": 5}),  # it is gone
    ],
)
def test_what_is_not(text, options):
    """No warning for a value that does not depend on the overridden one."""
    assert told(text, options) == []


def test_a_value_that_was_overridden_before():
    """It is the command line's since, and no longer computed."""
    cfg = Config.fromstring("a = 1\nb = a\nc = b\n", ".py")
    with pytest.warns(UserWarning, match="`c`"):
        cfg.merge_from_dict({"b": 3})
    with pytest.warns(UserWarning, match=r"but `c` \(<string>:3\) was"):
        cfg.merge_from_dict({"a": 5})


def test_a_name_that_was_used_and_set_again():
    """What was computed from its first value still follows from what that was computed from."""
    text = "a = 1\nx = a * 2\nb = dict(lr=x)\nx = 7\n"
    assert told(text, {"a": 5}) == ["b.lr"]


def test_another_name_of_the_same_object():
    """The value is named where it is written, and the other name as a whole."""
    assert told("a = 1\nb = dict(x=a)\nc = b\n", {"a": 5}) == ["b.x", "c"]


def test_a_data_file(on_disk):
    """References to values of the base are computed from those."""
    on_disk(base_py="a = 1\nd = dict(e=2)\n")
    cfg = Config.fromfile(
        on_disk(cfg_yaml="_base_: ./base.py\nb: {c: '{{ _base_.a }}'}\nf:\n- 'x {{_base_.d.e}}'\n"),
        trust=True,
    )
    with pytest.warns(UserWarning, match=r"but `b.c` \(.*cfg.yaml:2\) was"):
        cfg.merge_from_dict({"a": 5})
    assert [line.split()[1:] for line in cfg.explain("f.0").splitlines()[1:]] == [
        ["-", "'x", "{{_base_.d.e}}'"],
        ["uses", "d.e", "=", "2"],
    ]


def test_explain_does_not_tell_of_a_value_that_was_replaced():
    """Only of what the value that is there was computed from."""
    cfg = Config.fromstring("a = 1\nb = a\nb = 3\n", ".py")
    assert cfg.explain("b") == "b = 3\n  <string>:3"


def test_values_that_were_computed_from_an_overridden_one_are_named(on_disk):
    """Directly and through others; they stay as they are."""
    cfg = Config.fromfile(on_disk(**FILES))
    with pytest.warns(DerivedValuesWarning) as caught:
        cfg.merge_from_dict({"lr": 0.5})
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("`lr` is overridden, but ")
    assert all(f"`{path}` (" in message for path in ("optimizer.lr", "warmup.start", "name"))
    assert "recompute=True" in message
    assert (cfg.lr, cfg.optimizer.lr) == (0.5, 0.1)


def test_nothing_is_said_of_values_that_are_overridden_too(on_disk, recwarn):
    """Nor of those that have nothing to do with it."""
    cfg = Config.fromfile(on_disk(base_py=FILES["base_py"]))
    cfg.merge_from_dict({"lr": 0.5, "optimizer.lr": 0.5})
    cfg.merge_from_dict({"optimizer.type": "Adam"})
    assert [str(warning.message) for warning in recwarn] == []
