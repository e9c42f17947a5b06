"""What counts as a wrapper: an instance of a class in MODEL_WRAPPERS; torch's own two are in it."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from eng_registry import MODEL_WRAPPERS, Registry

MODEL_WRAPPERS.register_module(module=DataParallel)
MODEL_WRAPPERS.register_module(module=DistributedDataParallel)


def is_model_wrapper(model: nn.Module, registry: Registry = MODEL_WRAPPERS) -> bool:
    """Whether the model is wrapped: an instance of a class in the registry or one of its children.

    >>> is_model_wrapper(nn.Linear(1, 1)), is_model_wrapper(DataParallel(nn.Linear(1, 1)))
    (False, True)
    """
    if isinstance(model, tuple(registry.module_dict.values())):
        return True
    return any(is_model_wrapper(model, child) for child in registry.children.values())
