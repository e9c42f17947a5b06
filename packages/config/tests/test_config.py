"""A Config is read, changed, copied and written back."""

import copy
import json
import pickle
import sys

import pytest
import yaml

from eng_config import Config, ConfigDict, parse_overrides


@pytest.fixture
def folder(tmp_path):
    """A base and a child in the text style."""
    (tmp_path / "base.py").write_text(
        "model = dict(\n    type='ResNet',\n    depth=50,\n    stages=[dict(width=64), dict(width=128)],\n)\n"
        "lr = 0.1\noptimizer = dict(type='SGD', lr=lr, momentum=0.9)\n"
    )
    (tmp_path / "child.py").write_text(
        "_base_ = './base.py'\nmodel = dict(depth=101)\n_base_.optimizer.lr = 0.5\nfirst = {{_base_.model.stages}}\n"
    )
    return tmp_path


def test_a_child_is_merged_over_its_base(folder):
    """Keys of the child win, the others stay, and `_base_` may be changed in place."""
    cfg = Config.fromfile(folder / "child.py")
    assert cfg.to_dict() == {
        "model": {"type": "ResNet", "depth": 101, "stages": [{"width": 64}, {"width": 128}]},
        "lr": 0.1,
        "optimizer": {"type": "SGD", "lr": 0.5, "momentum": 0.9},
        "first": [{"width": 64}, {"width": 128}],
    }


def test_identity(folder):
    """File, raw text, and what is printed."""
    cfg = Config.fromfile(folder / "child.py")
    assert cfg.filename == str(folder / "child.py")
    assert cfg.text.startswith(f"{folder / 'base.py'}\nmodel = dict(")
    assert f"{folder / 'child.py'}\n_base_ = " in cfg.text
    assert repr(cfg) == f"Config (path: {cfg.filename}): {cfg.to_dict()!r}"
    assert (Config().filename, Config().text, Config().env_variables) == (None, "", {})
    assert Config({"a": 1}, filename=folder / "child.py").text == (folder / "child.py").read_text()
    assert Config({"a": 1}, cfg_text="a = 1", env_variables={"A": "1"}).text == "a = 1"


@pytest.mark.parametrize("value", [[("a", 1)], "a=1", 3])
def test_a_config_is_made_of_a_dictionary(value):
    """Of nothing else."""
    with pytest.raises(TypeError, match="made of a dictionary"):
        Config(value)


@pytest.mark.parametrize("key", ["filename", "text", "pretty_text", "env_variables"])
def test_reserved_keys(key):
    """They are the configuration's own."""
    with pytest.raises(KeyError, match=f"`{key}` is reserved"):
        Config({key: 1})
    with pytest.raises(KeyError, match=f"<string>:2: {key}: .*is reserved"):
        Config.fromstring(f"a = 1\n{key} = 2\n", ".py")


def test_it_is_a_mapping():
    """Reading, walking, unpacking, by key and by attribute."""
    cfg = Config({"a": 1, "b": {"c": 2}, "items": 3})
    assert (cfg.a, cfg["a"], cfg.b.c, cfg.get("a"), cfg.get("z"), cfg["items"]) == (1, 1, 2, 1, None, 3)
    assert (len(cfg), list(cfg), "a" in cfg, "z" in cfg, {**cfg}["a"]) == (
        3,
        ["a", "b", "items"],
        True,
        False,
        1,
    )
    assert [list(cfg.keys()), cfg.values()[0], cfg.items()[0]] == [["a", "b", "items"], 1, ("a", 1)]
    with pytest.raises(AttributeError):
        _ = cfg.z
    with pytest.raises(KeyError):
        _ = cfg["z"]


def test_changing():
    """A dictionary becomes a node; keys can be taken out."""
    cfg = Config({"a": 1})
    cfg.b = {"c": [{"d": 1}]}
    cfg["e"] = {"f": 2}
    assert (cfg.b.c[0].d, type(cfg.e)) == (1, ConfigDict)
    assert (cfg.pop("a"), cfg.pop("a")) == (1, None)
    del cfg.b
    del cfg["e"]
    assert len(cfg) == 0
    cfg.update({"x": {"y": 1}})
    cfg.setdefault("z", 2)
    assert cfg.to_dict() == {"x": {"y": 1}, "z": 2}


def test_a_shallow_copy_shares_its_nodes_and_a_deep_one_nothing(folder):
    """And both are configurations of the same file."""
    cfg = Config.fromfile(folder / "child.py")
    shallow, deep = cfg.copy(), copy.deepcopy(cfg)
    shallow.model.depth = 1
    assert (cfg.model.depth, deep.model.depth) == (1, 101)
    assert (copy.copy(cfg) == cfg, shallow.filename, deep.text) == (True, cfg.filename, cfg.text)
    shallow.new = 1
    assert "new" not in cfg


def copies(cfg):
    return [cfg, cfg.copy(), copy.deepcopy(cfg), pickle.loads(pickle.dumps(cfg))]


def test_every_value_knows_its_line(folder):
    """The file and the line of a value are those that set it last."""
    cfg = Config.fromfile(folder / "child.py")
    where = {
        "model.type": f"{folder / 'base.py'}:2",
        "model.depth": f"{folder / 'child.py'}:2",
        "model.stages.1.width": f"{folder / 'base.py'}:4",
        "optimizer.lr": f"{folder / 'child.py'}:3",
        "optimizer.momentum": f"{folder / 'base.py'}:7",
    }
    assert where == {path: str(cfg.origin(path)) for path in where}
    assert cfg.origin("nothing.of.this") is None


def test_origins_survive_copies_and_pickling(folder):
    """A copy knows what the original knew, command line included."""
    cfg = Config.fromfile(folder / "child.py")
    cfg.merge_from_dict(parse_overrides(["model.depth=18", "model.stages.0.width=7"]), recompute=True)
    for other in copies(cfg):
        assert other == cfg
        assert str(other.origin("model.stages.0.width")) == "<command line>:2"
        assert str(other.model.__origin__("type")) == f"{folder / 'base.py'}:2"


def test_explain_tells_what_a_value_was_computed_from():
    """With the place that set that, through other values too; a part is written as a file would say it."""
    cfg = Config.fromstring("a = 1\nb = 2 * a\nmodel = dict(depth=b)\n", ".py")
    assert cfg.explain("model.depth") == (
        "model.depth = 2\n  <string>:3\n  <string>:2  uses b = 2\n  <string>:1  uses a = 1"
    )
    assert cfg.explain("model").splitlines()[0] == "model = dict(depth=2)"


def test_explain_tells_the_whole_chain(folder):
    """Base, child, command line, code; with what is written there."""
    cfg = Config.fromfile(folder / "child.py")
    cfg.merge_from_dict(parse_overrides(["model.depth=18"]))
    cfg.model.depth = 34
    lines = cfg.explain("model.depth").splitlines()
    assert lines[0] == "model.depth = 34"
    assert [line.split()[0] for line in lines[1:3]] == [f"{folder / 'base.py'}:3", f"{folder / 'child.py'}:2"]
    assert lines[1].endswith("depth=50,")
    assert lines[3].split(maxsplit=2) == ["<command", "line>:1", "model.depth"]
    assert lines[4].endswith("cfg.model.depth = 34")
    with pytest.raises(KeyError, match=r"did you mean `depth`"):
        cfg.explain("model.dept")
    assert Config({"a": 1}).explain("a") == "a = 1\n  set by code; no file is known"


def test_dumping_and_loading_gives_an_equal_configuration(folder):
    """In every format that there is."""
    cfg = Config.fromfile(folder / "child.py")
    for suffix in (".py", ".json", ".yaml", ".yml", ".toml"):
        cfg.dump(folder / f"dumped{suffix}")
        assert Config.fromfile(folder / f"dumped{suffix}") == cfg


def test_the_text_of_a_dump_has_the_format_of_the_file(tmp_path):
    """Of the file that it was read from, or is written to."""
    cfg = Config({"a": 1, "b": 2})
    assert cfg.dump() == cfg.pretty_text == "a = 1\nb = 2\n"
    cfg.dump(tmp_path / "x.json")
    cfg.dump(tmp_path / "x.yaml")
    assert (tmp_path / "x.json").read_text() == '{"a": 1, "b": 2}'
    assert (tmp_path / "x.yaml").read_text() == "a: 1\nb: 2\n"
    assert json.loads(Config.fromfile(tmp_path / "x.json").dump()) == {"a": 1, "b": 2}
    assert yaml.safe_load(Config.fromfile(tmp_path / "x.yaml").dump()) == {"a": 1, "b": 2}
    with pytest.raises(OSError, match="known format"):
        cfg.dump(tmp_path / "x.txt")


def test_diff(folder):
    """Of files and of configurations, "" for equal ones."""
    old, new = Config({"a": 1, "b": 2}), Config({"a": 1, "b": 3})
    assert Config.diff(old, new) == "--- \n+++ \n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3"
    assert Config.diff(old, old) == ""
    assert "+first = [" in Config.diff(folder / "base.py", str(folder / "child.py"))
    assert "+    depth=101," in Config.diff(folder / "base.py", Config.fromfile(folder / "child.py"))


def test_auto_argparser(folder, monkeypatch):
    """An option for every value, of its type."""
    (folder / "flat.py").write_text(
        "lr = 0.1\nepochs = 3\nname = 'a'\namp = False\nnet = dict(sizes=[1, 2])\n"
    )
    monkeypatch.setattr(
        sys, "argv", ["train.py", str(folder / "flat.py"), "--lr", "0.5", "--net.sizes", "4", "5"]
    )
    parser, cfg = Config.auto_argparser("trains")
    given = vars(parser.parse_args())
    assert given == {
        "config": str(folder / "flat.py"),
        "lr": 0.5,
        "epochs": 3,
        "name": "a",
        "amp": False,
        "net.sizes": [4, 5],
    }
    assert (cfg.lr, parser.description) == (0.1, "trains")


def test_fromstring():
    """Any format, and only a known one."""
    assert Config.fromstring("a = 1", ".py").a == 1
    assert Config.fromstring('{"a": {"b": 1}}', ".json").a.b == 1
    assert Config.fromstring("a: [1, 2]", ".yaml").a == [1, 2]
    assert Config.fromstring("[a]\nb = 1", ".toml").a.b == 1
    with pytest.raises(OSError, match="no known format"):
        Config.fromstring("a = 1", ".txt")
    with pytest.warns(UserWarning, match="looks like Python"):
        Config.fromstring('{"a": "dict(b=1)"}', ".json")


def test_fromfile_wants_a_known_file(tmp_path):
    """That exists."""
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Config.fromfile(tmp_path / "nothing.py")
    (tmp_path / "cfg.txt").write_text("a = 1")
    with pytest.raises(OSError, match="known format"):
        Config.fromfile(tmp_path / "cfg.txt")


def test_an_untrusted_file_computes_but_cannot_import(folder):
    """The restricted evaluator gives the same values, and refuses what reaches out."""
    cfg = Config.fromfile(folder / "child.py", trust=False)
    assert (cfg, cfg.trusted) == (Config.fromfile(folder / "child.py"), False)
    (folder / "hostile.py").write_text("a = 1\nimport os\n")
    with pytest.raises(PermissionError, match=r"hostile.py:2: an import is not allowed"):
        Config.fromfile(folder / "hostile.py", trust=False, lazy_import=False)


def test_what_is_trusted(folder):
    """A local Python file that somebody names; never a data format."""
    Config({"a": 1}).dump(folder / "data.yaml")
    assert Config.fromfile(folder / "child.py").trusted
    assert Config({"a": 1}).trusted
    assert not Config.fromfile(folder / "data.yaml").trusted


def test_a_reader_gives_the_text_of_remote_files():
    """Bases are resolved like paths; nothing remote runs."""
    files = {
        "s3://bucket/configs/child.py": "_base_ = '../base.py'\na = len([1, 2])\n",
        "s3://bucket/base.py": "b = 1\n",
    }
    with pytest.raises(PermissionError, match="outside"):
        Config.fromfile("s3://bucket/configs/child.py", reader=files.__getitem__)
    cfg = Config.fromfile("s3://bucket/configs/child.py", reader=files.__getitem__, trust=True)
    assert (cfg.a, cfg.b, cfg.filename) == (2, 1, "s3://bucket/configs/child.py")
    with pytest.raises(FileNotFoundError, match="give a `reader`"):
        Config.fromfile("s3://bucket/base.py")


def test_nodes_are_config_dicts(folder):
    """Everything that was a dictionary reads by attribute."""
    cfg = Config.fromfile(folder / "child.py")
    assert isinstance(cfg.model.stages[0], ConfigDict)
    cfg.new = {"a": {"b": 1}}
    assert cfg.new.a.b == 1
