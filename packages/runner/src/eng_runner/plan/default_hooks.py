"""The hooks that every run has, and how a configuration changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.arguments import is_mapping, without, wrong_type

DEFAULT_HOOKS: Mapping[str, Mapping[str, Any]] = {
    "runtime_info": {"type": "RuntimeInfoHook"},
    "timer": {"type": "IterTimerHook"},
    "sampler_seed": {"type": "DistSamplerSeedHook"},
    "logger": {"type": "LoggerHook"},
    "param_scheduler": {"type": "ParamSchedulerHook"},
    "checkpoint": {"type": "CheckpointHook", "interval": "1 epoch"},
    "progress": {"type": "ProgressHook"},
}


def merge_default_hooks(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the default hooks with the user's entries in their place; None removes one, other names are added.

    Raises ValueError for the removal of a hook that does not exist.
    """
    if given is not None and not is_mapping(given):
        raise wrong_type("default_hooks", given, "a mapping of names to hooks", "None")
    merged: dict[str, Any] = dict(DEFAULT_HOOKS)
    for name, spec in (given or {}).items():
        if spec is None and name not in merged:
            raise ValueError(
                f"`default_hooks.{name}` is None, but there is no such default; there are {', '.join(merged)}"
            )
        if is_mapping(spec) and "type" not in spec and name in merged:
            spec = without(spec)
            # written past the configuration's own bookkeeping, so that errors show the user's line
            put = dict.__setitem__ if isinstance(spec, dict) else type(spec).__setitem__
            put(spec, "type", merged[name]["type"])
        merged[name] = spec
    return {name: spec for name, spec in merged.items() if spec is not None}
