"""A Config is read, changed, copied and written back."""

import copy
import pickle

import pytest

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


def copies(cfg):
    return [cfg, cfg.copy(), copy.deepcopy(cfg), pickle.loads(pickle.dumps(cfg))]


def test_origins_survive_copies_and_pickling(folder):
    """A copy knows what the original knew, command line included."""
    cfg = Config.fromfile(folder / "child.py")
    cfg.merge_from_dict(parse_overrides(["model.depth=18", "model.stages.0.width=7"]), recompute=True)
    for other in copies(cfg):
        assert other == cfg
        assert str(other.origin("model.stages.0.width")) == "<command line>:2"
        assert str(other.model.__origin__("type")) == f"{folder / 'base.py'}:2"


def test_dumping_and_loading_gives_an_equal_configuration(folder):
    """In every format that there is."""
    cfg = Config.fromfile(folder / "child.py")
    for suffix in (".py", ".json", ".yaml", ".toml"):
        cfg.dump(folder / f"dumped{suffix}")
        assert Config.fromfile(folder / f"dumped{suffix}") == cfg


def test_an_untrusted_file_computes_but_cannot_import(folder):
    """The restricted evaluator gives the same values, and refuses what reaches out."""
    assert Config.fromfile(folder / "child.py", trust=False) == Config.fromfile(folder / "child.py")
    (folder / "hostile.py").write_text("a = 1\nimport os\n")
    with pytest.raises(PermissionError, match=r"hostile.py:2: an import is not allowed"):
        Config.fromfile(folder / "hostile.py", trust=False, lazy_import=False)


def test_nodes_are_config_dicts(folder):
    """Everything that was a dictionary reads by attribute."""
    cfg = Config.fromfile(folder / "child.py")
    assert isinstance(cfg.model.stages[0], ConfigDict)
    cfg.new = {"a": {"b": 1}}
    assert cfg.new.a.b == 1
