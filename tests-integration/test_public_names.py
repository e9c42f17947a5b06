"""The front doors of all packages: what `__all__` lists is there, and sorted."""

from importlib import import_module

import pytest
from road import ROOT

PACKAGES = sorted(path.name for path in ROOT.glob("packages/*/src/eng_*"))


@pytest.mark.parametrize("package", PACKAGES)
def test_front_door(package):
    """Every public name can be imported and is listed once; ruff keeps the order."""
    module = import_module(package)
    names = module.__all__
    assert [name for name in names if not hasattr(module, name)] == []
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_keeps_its_own_list(package):
    """Each package has the test that keeps its list of public names."""
    assert (ROOT / "packages" / package.removeprefix("eng_") / "tests" / "test_public_names.py").exists()


def test_every_registry_name_of_ours_is_found():
    """The entry points of our packages fill the root registries on the first miss."""
    from eng_registry import HOOKS, LOOPS, METRICS, MODEL_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS, VISBACKENDS

    wanted = {
        HOOKS: "CheckpointHook",
        LOOPS: "EpochBasedTrainLoop",
        METRICS: "Accuracy",
        MODEL_WRAPPERS: "MMDistributedDataParallel",
        OPTIMIZERS: "SGD",
        PARAM_SCHEDULERS: "CosineAnnealingLR",
        VISBACKENDS: "TensorboardVisBackend",
    }
    assert [name for registry, name in wanted.items() if registry.get(name) is None] == []
