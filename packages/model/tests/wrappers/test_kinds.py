"""What counts as a wrapper."""

from torch import nn

from eng_model import is_model_wrapper
from eng_registry import MODEL_WRAPPERS, Registry


class Wrapped(nn.Module):
    """A wrapper of somebody else."""


def test_torchs_wrappers_are_registered() -> None:
    """Both of them, by their names."""
    assert is_model_wrapper(nn.DataParallel(nn.Linear(1, 1)))
    assert MODEL_WRAPPERS.get("DistributedDataParallel") is nn.parallel.DistributedDataParallel
    assert not is_model_wrapper(nn.Linear(1, 1))


def test_children_of_the_registry_count() -> None:
    """A downstream project registers its wrapper in its own registry."""
    parent = Registry("wrapper", scope="house")
    child = Registry("wrapper", scope="annex", parent=parent)
    child.register_module(module=Wrapped)
    assert is_model_wrapper(Wrapped(), parent)
    assert is_model_wrapper(Wrapped(), child)
    assert not is_model_wrapper(nn.Linear(1, 1), parent)
