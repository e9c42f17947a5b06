"""What only the environment knows is not written anywhere."""

import pickle

import pytest

from eng_config import Config

TEXT = """
token = '{{$ENG_TOKEN}}'
url = 'https://user:{{$ENG_TOKEN}}@host'
workers = {{'$ENG_WORKERS:4'}}
list_ = [dict(t='{{$ENG_TOKEN}}')]
"""


@pytest.fixture
def cfg(on_disk, monkeypatch):
    """A configuration with a token in three places."""
    monkeypatch.setenv("ENG_TOKEN", "s3cr3t")
    monkeypatch.setenv("ENG_WORKERS", "8")
    return Config.fromfile(on_disk(cfg_py=TEXT))


def test_the_values_are_there(cfg):
    """For who uses them."""
    assert (cfg.token, cfg.url, cfg.workers, cfg.list_[0].t) == (
        "s3cr3t",
        "https://user:s3cr3t@host",
        8,
        "s3cr3t",
    )
    assert pickle.loads(pickle.dumps(cfg)).token == "s3cr3t"


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml", ".toml"])
def test_a_dump_holds_references_and_loads_equal(cfg, tmp_path, suffix):
    """What has a default is no secret, and written as it is."""
    cfg.dump(tmp_path / f"dumped{suffix}")
    text = (tmp_path / f"dumped{suffix}").read_text()
    assert "s3cr3t" not in text
    assert text.count("{{$ENG_TOKEN}}") == 3
    assert Config.fromfile(tmp_path / f"dumped{suffix}") == cfg


def test_nothing_else_shows_them(cfg):
    """Not what is printed, compared, explained or kept as the raw text."""
    shown = [
        repr(cfg),
        str(cfg),
        cfg.pretty_text,
        cfg.text,
        cfg.dump(),
        cfg.explain("url"),
        Config.diff(cfg, Config()),
    ]
    assert [text for text in shown if "s3cr3t" in text] == []


def test_a_short_value_is_hidden_only_where_it_is_everything(on_disk, monkeypatch):
    """A rank of `1` would be in every text."""
    monkeypatch.setenv("ENG_RANK", "1")
    cfg = Config.fromfile(on_disk(cfg_py="rank = '{{$ENG_RANK}}'\nname = 'v1'\nn = 1\n"))
    assert cfg.pretty_text == "n = 1\nname = 'v1'\nrank = '{{$ENG_RANK}}'\n"
