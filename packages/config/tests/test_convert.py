"""Other styles and formats of the same configuration."""

import pytest

from eng_config import Config
from eng_config.cli import main
from eng_config.convert import change, write_import_style

FILES = {
    "sub__net-base_py": "model = dict(type='Net', depth=50, head=dict(type='Head', classes=10))\nold = 1\n",
    "sub__schedule_yaml": "optimizer: {type: SGD, lr: 0.1}\nsteps: !!python/tuple [1, 2]\n",
    "cfg_py": """
    _base_ = ['sub/net-base.py', 'sub/schedule.yaml']
    model = dict(depth=101, head=dict(_delete_=True, type='Other'))
    optimizer = dict(lr=0.1 * 2)
    twice = [2 * n for n in {{_base_.steps}}]
    _base_.pop('old')
    """,
}


def test_to_the_import_style(on_disk, tmp_path):
    """One file for each base, a child that says what it changes, and the same values."""
    cfg = Config.fromfile(on_disk(**FILES))
    out = tmp_path / "out"
    out.mkdir()
    written = write_import_style(cfg, str(out / "cfg.py"))
    assert [name.rsplit("/")[-1] for name in written] == ["net_base.py", "schedule.py", "cfg.py"]
    assert (out / "cfg.py").read_text().splitlines() == [
        "from eng_config import read_base",
        "",
        "with read_base():",
        "    from .net_base import *",
        "    from .schedule import *",
        "",
        "del old",
        "model.merge(dict(depth=101, head=dict(_delete_=True, type='Other')))",
        "optimizer.merge(dict(lr=0.2))",
        "twice = [2, 4]",
    ]
    assert Config.fromfile(out / "cfg.py") == cfg


@pytest.mark.parametrize("suffix", ["yaml", "json", "toml", "py"])
def test_to_one_file(on_disk, tmp_path, suffix):
    """With all values."""
    file = on_disk(**FILES)
    assert main(["convert", str(file), str(tmp_path / f"out.{suffix}")]) == 0
    assert Config.fromfile(tmp_path / f"out.{suffix}") == Config.fromfile(file)


def test_names_that_meet(on_disk, tmp_path):
    """Two bases of one name get two, and the child keeps its own."""
    cfg = Config.fromfile(
        on_disk(a__cfg_py="x = 1\n", b__cfg_py="y = 1\n", cfg_py="_base_ = ['a/cfg.py', 'b/cfg.py']\nz = 1\n")
    )
    out = tmp_path / "out"
    out.mkdir()
    names = [name.rsplit("/")[-1] for name in write_import_style(cfg, str(out / "cfg.py"))]
    assert sorted(names) == ["cfg.py", "cfg_2.py", "cfg_3.py"]
    assert Config.fromfile(out / "cfg.py").to_dict() == {"x": 1, "y": 1, "z": 1}


def test_what_cannot_be_converted(on_disk, tmp_path, monkeypatch):
    """The import style itself, and values of the environment."""
    monkeypatch.setenv("ENG_TOKEN", "s3cr3t")
    with pytest.raises(ValueError, match="only a file in the text style"):
        write_import_style(Config.fromfile(on_disk(a_py="import torch\nb = 1\n")), str(tmp_path / "x.py"))
    with pytest.raises(ValueError, match=r"os\.environ"):
        write_import_style(Config.fromfile(on_disk(a_py="b = '{{$ENG_TOKEN}}'\n")), str(tmp_path / "x.py"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"_delete_": True}}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ([1], [2], [2]),
    ],
)
def test_what_must_be_merged(old, new, expected):
    """The least that makes the one the other."""
    assert change(old, new) == expected
