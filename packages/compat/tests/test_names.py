"""The alias modules give our own objects, and say clearly what they do not have."""

import importlib

import pytest

from eng_compat import HOMES, missing_from, resolve


@pytest.mark.parametrize("module", sorted(HOMES))
def test_every_documented_module_imports(module):
    """`import mmengine.<module>` works for each module of the table."""
    assert importlib.import_module(f"mmengine.{module}").__name__ == f"mmengine.{module}"


def test_a_name_is_our_object():
    """`from mmengine.x import Name` gives the very object of eng."""
    from mmengine.runner import Runner

    import eng_runner

    assert Runner is eng_runner.Runner


def test_a_module_below_a_module_has_the_same_names():
    """Names are also found through the deeper modules that users import from."""
    from mmengine.dataset.base_dataset import Compose as Alias

    from eng_dataset import Compose

    assert Alias is Compose


def test_the_top_package_offers_registry_and_config():
    """`from mmengine import Registry, Config` works."""
    from eng_config import Config as OurConfig
    from eng_registry import Registry as OurRegistry
    from mmengine import Config, Registry

    assert (Config, Registry) == (OurConfig, OurRegistry)


def test_an_unknown_name_is_an_import_error():
    """A name that is not there fails where it is imported, naming the packages that were searched."""
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'; looked for in eng_registry"):
        resolve("mmengine.registry", "Nonsense")
    with pytest.raises(ImportError):
        exec("from mmengine.registry import Nonsense", {})


def test_an_unknown_module_is_not_found():
    """A module that was never documented does not appear by itself."""
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("mmengine.nonsense")
    with pytest.raises(ModuleNotFoundError, match=r"there are mmengine\.registry"):
        resolve("mmengine.nonsense", "anything")


def test_missing_names_are_listed():
    """`missing_from` keeps only the names that a module lacks."""
    assert missing_from("mmengine.registry", ["Registry", "Nonsense"]) == ["Nonsense"]
