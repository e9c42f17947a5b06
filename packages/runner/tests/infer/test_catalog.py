"""Models by name, from the metafiles of an installed package."""

import sys

import pytest

from eng_runner import BaseInferencer
from eng_runner.infer.catalog import find_model
from eng_runner.infer.source import find_source

METAFILE = """
Models:
  - Name: net_small
    Alias: [small, tiny]
    Config: configs/small.py
    Weights: https://example.org/small.pth
  - Name: net_large
    Config: configs/large.py
  - Name: net_lost
    Config: configs/lost.py
"""


@pytest.fixture(params=["index", "configs", "mim"])
def package(request, tmp_path, monkeypatch):
    """A package of models in each of the layouts there are."""
    home = tmp_path / "zoo_of_nets"
    root = home / ".mim" if request.param == "mim" else home
    (root / "configs").mkdir(parents=True)
    (home / "__init__.py").touch()
    for name in ("small", "large"):
        (root / "configs" / f"{name}.py").write_text(f"model = dict(type='{name}')\n")
    metafile = root / "nets.yml" if request.param == "index" else root / "configs" / "metafile.yml"
    metafile.write_text(METAFILE)
    if request.param == "index":
        (root / "model-index.yml").write_text("Import:\n  - nets.yml\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "zoo_of_nets"
    sys.modules.pop("zoo_of_nets", None)


def test_a_name_or_an_alias_in_any_case_finds_the_model(package):
    """With its configuration and its weights."""
    for name in ("net_small", "NET_SMALL", "Tiny"):
        source = find_source(name, None, scope=package)
        assert source.cfg.model.type == "small"
        assert source.weights == "https://example.org/small.pth"


def test_own_weights_win(package):
    """Those of the catalog are only the default."""
    assert find_source("small", "mine.pth", scope=package).weights == "mine.pth"


def test_only_models_with_a_configuration_are_listed(package):
    """Patterns are regular expressions on the names."""
    assert BaseInferencer.list_models(package) == ["net_large", "net_small"]
    assert BaseInferencer.list_models(package, patterns="net_l") == ["net_large"]


def test_an_unknown_name_gets_the_nearest(package):
    """As everywhere else."""
    with pytest.raises(LookupError, match="net_small"):
        find_model("net_smal", scope=package)


def test_a_name_needs_a_scope():
    """A package that is not there is named."""
    with pytest.raises(ValueError, match="needs `scope`"):
        find_model("net", scope=None)
    with pytest.raises(ModuleNotFoundError, match="`no_such_zoo`"):
        find_model("net", scope="no_such_zoo")
