"""What is said about an argument that cannot be meant, and the two spellings that some arguments have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from eng_optim import OptimWrapperDict

from .aliases import Part, Settings, Values


def is_mapping(spec: object) -> TypeGuard[Settings]:
    """Whether a part was given as configuration: a dict, a ConfigDict or a Config."""
    return isinstance(spec, Mapping) and not isinstance(spec, OptimWrapperDict)


def wrong_type(name: str, spec: object, *expected: str) -> TypeError:
    """Return the error for an argument that is of none of the expected types."""
    return TypeError(f"`{name}` should be {' or '.join(expected)}, not {type(spec).__name__}: {spec!r:.80}")


def older_name(file_client_args: Values | None, backend_args: Values | None) -> Values | None:
    """Return the arguments of a storage backend by either name. Raises ValueError if both are given."""
    if file_client_args is not None and backend_args is not None:
        raise ValueError("`file_client_args` is the older name of `backend_args`: give one of them")
    return backend_args if file_client_args is None else file_client_args


def without(spec: Settings, *names: str) -> Part:
    """Return a shallow copy of a mapping without some keys; it keeps its type and the origins of its values."""
    rest = spec.copy() if hasattr(spec, "copy") else dict(spec)
    for name in names:
        rest.pop(name, None)
    return rest
