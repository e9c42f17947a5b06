"""What a class or function can be called with, and what is wrong with a call that failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from eng_registry.suggest import suggest


class Accepted(NamedTuple):
    """The keyword arguments of a callable; `open` if it takes any other as well."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    open: bool


def accepted(target: Callable[..., Any]) -> Accepted | None:
    """What `target` accepts by keyword, or None where that cannot be known.

    A constructor that passes `**kwargs` on is followed through the base classes.

    >>> class Base:
    ...     def __init__(self, width, depth=1): ...
    >>> class Net(Base):
    ...     def __init__(self, *, norm="bn", **kwargs): ...
    >>> accepted(Net)
    Accepted(names=('norm', 'width', 'depth'), required=('width',), open=False)
    """
    if not isinstance(target, type):
        signature = _signature(target)
        return None if signature is None else _read([signature])
    signatures = []
    for base in target.__mro__:
        if "__init__" not in vars(base):
            continue
        signature = None if base is object else _signature(vars(base)["__init__"])
        if signature is None:
            break
        signatures.append(_without_first(signature))
        if not _is_open(signature):
            break
    if not signatures:
        signature = _signature(target)
        return None if signature is None else _read([signature])
    return _read(signatures)


def complaint(
    target: Callable[..., Any], name: str, given: Mapping[str, Any], more: int
) -> tuple[str, str | None]:
    """Why `target` cannot be called like this, with the argument to blame; ("", None) if the names are not why.

    `more` is the number of positional arguments in front of the named ones.
    """
    known = accepted(target)
    if known is None:
        return "", None
    taken = known.names[:more]
    unknown = [key for key in given if key not in known.names]
    missing = [key for key in known.required if key not in given and key not in taken]
    parts = []
    if unknown and not known.open:
        for key in unknown:
            nearest = suggest(key, known.names)
            parts.append(f"{name} takes no argument `{key}`" + (f"; {nearest}" if nearest else ""))
    if missing:
        parts.append(f"{name} needs {_listed(missing)}")
    if not parts:
        return "", None
    blamed = unknown[0] if unknown and not known.open else None
    return f"{'; '.join(parts)}. It accepts: {_listed(known.names) or 'nothing'}", blamed


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _signature(target: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(target)
    except (TypeError, ValueError):
        return None


def _without_first(signature: inspect.Signature) -> inspect.Signature:
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        parameters = parameters[1:]
    return signature.replace(parameters=parameters)


def _is_open(signature: inspect.Signature) -> bool:
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())


def _read(signatures: list[inspect.Signature]) -> Accepted:
    names: dict[str, bool] = {}
    for signature in signatures:
        for parameter in signature.parameters.values():
            if parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
                names.setdefault(parameter.name, parameter.default is inspect.Parameter.empty)
    required = tuple(name for name, needed in names.items() if needed)
    return Accepted(tuple(names), required, _is_open(signatures[-1]))
