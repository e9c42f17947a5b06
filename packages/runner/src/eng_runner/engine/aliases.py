"""Names for what is of any type by its nature, so that a signature says what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Batch: TypeAlias = Any
"""What a loader yields: a dict, a tuple or a list of anything."""

Outputs: TypeAlias = Any
"""What a step of the model returns: scalars to log of a training step, predictions of an evaluation step."""

Part: TypeAlias = Any
"""A part of a run as it is given (an object, or a mapping for a registry), or one that may be of any class."""

Value: TypeAlias = Any
"""A number, tensor or other value that is logged."""

Values: TypeAlias = dict[str, Any]
"""Values by name: losses, metrics, the entries of a checkpoint."""

Metrics: TypeAlias = dict[str, Any]
"""What a validation or test has measured."""

Settings: TypeAlias = Mapping[str, Any]
"""A part of a configuration."""

HookCall: TypeAlias = Callable[..., None]
"""A method of a hook, bound to it."""

Step: TypeAlias = Callable[..., Any]
"""A step of the model."""
