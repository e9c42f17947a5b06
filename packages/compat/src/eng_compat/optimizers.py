"""MMEngine's way to fill the registry of optimizers; here it is full as soon as it is asked."""

from __future__ import annotations

import eng_optim

__all__ = [
    "register_torch_optimizers",
]


def register_torch_optimizers() -> list[str]:
    """The names of torch's optimizers in the registry."""
    return list(eng_optim.TORCH_OPTIMIZERS)
