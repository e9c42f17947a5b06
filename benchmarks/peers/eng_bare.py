"""eng with all default hooks but the schedule's taken off."""

from . import eng

OFF = dict.fromkeys(("runtime_info", "timer", "sampler_seed", "logger", "checkpoint", "progress"))


def train(iterations: int) -> None:
    """Train for so many iterations."""
    eng.train(iterations, hooks=OFF)
