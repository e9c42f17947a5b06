"""Randomness of the whole process: seed it, save it, put it back, agree on it across ranks.

numpy is never imported here: its generator is handled where somebody else has loaded it.
"""

import os
import random
import sys
from types import ModuleType
from typing import Any

import torch

from eng_dist.collectives import broadcast
from eng_dist.environment import Group, get_world_size, global_rank_of_first

_HIGHEST_SEED = 2**32 - 1


def sync_random_seed(group: Group = None) -> int:
    """A random seed below 2**31, the same on all ranks of `group`: rank 0's draw.

    Every rank draws from its global generator (numpy's where numpy is loaded, else Python's), so a job
    that was seeded gets the same seed again.

    >>> 0 <= sync_random_seed() < 2**31
    True
    """
    numpy = _numpy()
    seed = int(numpy.random.randint(2**31)) if numpy else random.randrange(2**31)
    if get_world_size(group) < 2:
        return seed
    shared = torch.tensor(seed, dtype=torch.int64)
    broadcast(shared, global_rank_of_first(group), group)
    return int(shared.item())


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seed Python, numpy (if loaded), torch and every accelerator.

    With `deterministic` torch also keeps to algorithms that give the same bits each time, and raises
    where there is none; without it, the choice of algorithms is left as it is.

    >>> seed_everything(1)
    >>> first = torch.rand(3)
    >>> seed_everything(1)
    >>> bool((torch.rand(3) == first).all())
    True

    Raises:
        ValueError: `seed` is not in 0 .. 2**32 - 1, the range that all generators take.
    """
    if not 0 <= seed <= _HIGHEST_SEED:
        raise ValueError(f"a seed lies in 0 .. {_HIGHEST_SEED}, got {seed}")
    random.seed(seed)
    if numpy := _numpy():
        numpy.random.seed(seed)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True)


def rng_state() -> dict[str, Any]:
    """The state of every global generator of this process, as tensors and plain values.

    Keys: ``python``, ``torch``, ``numpy`` where numpy is loaded, and where there is an accelerator its type
    (``cuda``: a list, one tensor per device) and ``device_index``, the number of the one that this process computes
    on. Taking it changes no generator.

    >>> before = rng_state()
    >>> drawn = torch.rand(2), random.random()
    >>> set_rng_state(before)
    >>> bool((torch.rand(2) == drawn[0]).all()) and random.random() == drawn[1]
    True
    """
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "python": {"version": version, "words": torch.tensor(words, dtype=torch.int64), "gauss": gauss},
        "torch": torch.get_rng_state(),
    }
    if numpy := _numpy():
        kind, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = {
            "kind": kind,
            "keys": torch.tensor(keys.tolist(), dtype=torch.int64),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "gauss": float(cached),
        }
    if device := _accelerator():
        state[device.__name__.rpartition(".")[2]] = _device_states(device)
        state["device_index"] = torch.accelerator.current_device_index()
    return state


def set_rng_state(state: dict[str, Any]) -> None:
    """Put back what `rng_state` gave. Generators that this process lacks (numpy, devices) are left out.

    The state of the accelerator that the saving process computed on goes to the one that this process computes on,
    whatever their numbers are. Those of other devices are put back where the numbers are the same.
    """
    python = state["python"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    torch.set_rng_state(state["torch"].cpu())
    numpy = _numpy()
    if numpy and "numpy" in state:
        saved = state["numpy"]
        keys = numpy.array(saved["keys"].tolist(), dtype=numpy.uint32)
        numpy.random.set_state((saved["kind"], keys, saved["position"], saved["has_gauss"], saved["gauss"]))
    device = _accelerator()
    if device and (saved := state.get(device.__name__.rpartition(".")[2])):
        _set_device_states(device, saved, state.get("device_index"))


def _numpy() -> Any:
    """numpy if somebody loaded it, else None."""
    return sys.modules.get("numpy")


def _accelerator() -> ModuleType | None:
    """``torch.cuda``, ``torch.mps``, ``torch.xpu``: the module of the accelerator, None without one."""
    if not torch.accelerator.is_available():
        return None
    kind = torch.accelerator.current_accelerator()
    return None if kind is None else torch.get_device_module(kind)


def _device_states(device: Any) -> list[torch.Tensor]:
    if hasattr(device, "get_rng_state_all"):
        return [state.cpu() for state in device.get_rng_state_all()]
    return [device.get_rng_state().cpu()]


def _set_device_states(device: Any, states: list[torch.Tensor], saved_index: int | None) -> None:
    """Without `saved_index` (a state from before it was kept) the numbers are taken to be the same."""
    if not hasattr(device, "get_rng_state_all"):
        device.set_rng_state(states[0])
        return
    own = torch.accelerator.current_device_index()
    if saved_index is None:
        saved_index = own if own < len(states) else 0
    if saved_index != own:
        device.set_rng_state(states[saved_index], own)
        return
    for index, state in enumerate(states[: torch.accelerator.device_count()]):
        device.set_rng_state(state, index)
