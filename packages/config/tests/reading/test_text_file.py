"""Files in the text style: substitution, bases, evaluation."""

import pytest

from eng_config import Config


def test_several_and_nested_bases(on_disk):
    """Relative to the file that names them."""
    cfg = Config.fromfile(
        on_disk(
            base__a_py="a = 1\n",
            base__deep__b_yaml="b: {c: 2}\n",
            base__deep__c_py="_base_ = './b.yaml'\nc = 3\n",
            child_py="_base_ = ['base/a.py', './base/deep/c.py']\nb = dict(d=4)\n",
        )
    )
    assert cfg.to_dict() == {"a": 1, "b": {"c": 2, "d": 4}, "c": 3}


def test_bases_may_not_set_the_same_key(on_disk):
    """Even to the same value."""
    with pytest.raises(KeyError, match=r"child.py:1: a: two bases set the key `a`"):
        Config.fromfile(on_disk(x_py="a = 1\n", y_py="a = 1\n", child_py="_base_ = ['x.py', 'y.py']\n"))


def test_what_is_no_setting_is_left_out(on_disk):
    """Dunders, functions of the file and modules; classes and builtin functions stay."""
    cfg = Config.fromfile(
        on_disk(
            cfg_py="""
            import os
            __hidden__ = 1
            _shown_ = 2
            def double(x):
                return factor * x
            factor = 3
            six = double(2)
            kind = dict
            count = len
            """
        )
    )
    assert cfg.to_dict() == {"_shown_": 2, "factor": 3, "six": 6, "kind": dict, "count": len}


def test_values_are_not_retroactive(on_disk):
    """The base was computed with its own variable."""
    cfg = Config.fromfile(
        on_disk(
            base_py="item = dict(a=1)\nfirst = dict(item=item)\n",
            child_py="_base_ = 'base.py'\nitem = dict(b=2)\n",
        )
    )
    assert (cfg.item, cfg.first.item) == ({"a": 1, "b": 2}, {"a": 1})


def test_deprecation(on_disk):
    """A base that is old says so too."""
    old = "_deprecation_ = dict(expected='new.py', reference='https://example.org')\na = 1\n"
    with pytest.warns(
        DeprecationWarning, match=r"old.py` is deprecated; use `new.py` instead; see https://example.org"
    ):
        assert Config.fromfile(on_disk(old_py=old)).to_dict() == {"a": 1}
    with pytest.warns(DeprecationWarning, match="old.py"):
        assert Config.fromfile(on_disk(child_py="_base_ = 'old.py'\nb = 1\n")).to_dict() == {"a": 1, "b": 1}


def test_the_folder_may_have_dots(on_disk):
    """The suffix is that of the file."""
    assert Config.fromfile(on_disk(**{"some.dir.v1__cfg_py": "a = 1\n"})).a == 1


def test_home_is_expanded(on_disk, monkeypatch, tmp_path):
    """In names of files."""
    on_disk(cfg_py="a = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config.fromfile("~/cfg.py").a == 1


@pytest.mark.parametrize("text", ["a = dict()\na['b'] = a\n", "a = []\na.append(a)\n"])
def test_a_trusted_file_whose_values_hold_themselves(on_disk, text):
    """It is an error of the configuration, not of Python's stack."""
    with pytest.raises(ValueError, match=r"cfg.py:1: the values are nested deeper than 100 levels"):
        Config.fromfile(on_disk(cfg_py=text))
