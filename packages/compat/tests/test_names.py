"""The alias modules give our own objects, and say clearly what they do not have."""

import importlib
import subprocess
import sys

import pytest

from eng_compat import HOMES, missing_from, public_names, resolve


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


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("from mmengine.fileio import FileClient", "the functions of `mmengine.fileio`"),
        ("from mmengine import PetrelBackend", "an S3 URI"),
        ("from mmengine.optim import ApexOptimWrapper", "`AmpOptimWrapper`"),
        ("from mmengine.runner import FlexibleRunner", r"`Runner\(strategy=\.\.\.\)`"),
        ("import mmengine._strategy.deepspeed", "`DeepSpeedStrategy`"),
    ],
)
def test_a_name_that_was_left_out(statement, advice):
    """The import fails with what to use instead."""
    with pytest.raises(ImportError, match=f"is left out; use {advice}"):
        exec(statement, {})


def test_what_was_left_out_is_not_there():
    """So that code which asks first gets a plain answer."""
    import mmengine.fileio

    assert not hasattr(mmengine.fileio, "FileClient")
    with pytest.raises(AttributeError, match=r"`FileClient` of mmengine\.fileio is left out; use"):
        _ = mmengine.fileio.FileClient


def test_modules_are_attributes():
    """A module is found through the one above it, and is no other module of that name."""
    import mmengine

    assert mmengine.logging.__name__ == "mmengine.logging"
    assert mmengine.utils.dl_utils.parrots_wrapper.__name__ == "mmengine.utils.dl_utils.parrots_wrapper"
    assert mmengine.registry.registry.__name__ == "mmengine.registry.registry"


def test_only_public_names_are_offered():
    """Not what our modules import for themselves."""
    assert missing_from("mmengine.utils", ["os", "Any", "rich", "P"]) == ["os", "Any", "rich", "P"]
    for module in sorted(HOMES):
        names = public_names(f"mmengine.{module}")
        assert missing_from(f"mmengine.{module}", names) == []


def test_everything_is_imported_by_a_star():
    """`import *` and `dir` know the public names."""
    space = {}
    exec("from mmengine.utils import *", space)
    assert {"Timer", "digit_version", "ManagerMixin"} <= space.keys()
    assert {"Timer", "dl_utils"} & set(dir(importlib.import_module("mmengine.utils"))) >= {"Timer"}


def test_the_light_part_loads_no_torch():
    """Registry, configuration, files, logging and utilities work where nobody computes."""
    program = (
        "import sys, mmengine\n"
        "from mmengine import Config, MODELS, load, print_log, ProgressBar, digit_version, track_progress_rich\n"
        "import mmengine.utils, mmengine.registry, mmengine.config, mmengine.fileio, mmengine.logging\n"
        "assert not {'torch', 'numpy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_old_pickles_find_their_classes():
    """The globals that files of MMEngine name are ours."""
    from mmengine.logging.history_buffer import HistoryBuffer

    import eng_logging

    assert HistoryBuffer is eng_logging.HistoryBuffer
    assert all(callable(getattr(HistoryBuffer, name)) for name in ("min", "max", "current", "mean"))


def test_a_dotted_name_in_a_configuration():
    """Dumped configurations say `mmengine.hooks.EMAHook`; where files are trusted as code it is imported."""
    from mmengine.hooks import EMAHook
    from mmengine.registry import HOOKS

    from eng_registry import allow_import

    assert HOOKS.get("mmengine.EMAHook") is EMAHook
    with allow_import("*"):
        assert HOOKS.get("mmengine.hooks.EMAHook") is EMAHook
