"""Random numbers of processes that share a model: the same for its weights, each process' own for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, _random

from eng_dist import rng_state, seed_everything, set_rng_state, sync_random_seed


@contextmanager
def drawing_alike() -> Iterator[None]:
    """Let all processes draw the same random numbers; afterwards each continues with its own."""
    seed = sync_random_seed()
    own = rng_state()
    seed_everything(seed)
    try:
        yield
    finally:
        set_rng_state(own)


def start_tracker(model: nn.Module) -> None:
    """Let torch begin to count the random numbers of DTensors now, with the state that each process has.

    torch would do so at the first random operation on a DTensor, in the middle of the training, and replace the
    random state of every process, restored from a checkpoint or seeded on its own, by that of the first one.
    """
    mesh = next((each.device_mesh for each in model.parameters() if isinstance(each, DTensor)), None)
    if mesh is not None and mesh.device_type != "cpu" and _random.is_rng_supported_mesh(mesh):
        _start(mesh)


def _start(mesh: DeviceMesh) -> None:
    if _random._rng_tracker is None:
        _random._rng_tracker = _random.OffsetBasedRNGTracker(mesh, run_state_sync=False)
