"""What a class or function can be called with, and what is wrong with a call that failed.

Imported only after a failure, because `inspect` costs more than this package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature
from typing import Any, NamedTuple

from eng_registry.suggestion import suggest


class Accepted(NamedTuple):
    """The arguments that a callable takes by name."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    #: takes names beyond these: they are handed on to somewhere that cannot be read
    is_open: bool
    #: hands names that it does not know on to the next class
    hands_on: bool


def accepted(target: Callable[..., Any]) -> Accepted | None:
    """What `target` takes by name, or None where that cannot be known.

    Through `**kwargs` a class takes what its base classes take as well; what those require it may give
    itself.

    >>> class Base:
    ...     def __init__(self, width, depth=1): ...
    >>> class Net(Base):
    ...     def __init__(self, norm, **kwargs): ...
    >>> accepted(Net)
    Accepted(names=('norm', 'width', 'depth'), required=('norm',), is_open=False, hands_on=True)
    """
    chain = _signatures(target)
    if not chain:
        return None
    names: dict[str, None] = {}
    for signature in chain:
        names.update(dict.fromkeys(p.name for p in _named(signature)))
    required = tuple(p.name for p in _named(chain[0]) if p.default is Parameter.empty)
    return Accepted(tuple(names), required, _has_kwargs(chain[-1]), _has_kwargs(chain[0]))


def complaint(
    target: Callable[..., Any], positional: int, given: Mapping[str, Any], error: TypeError
) -> tuple[str, str | None]:
    """What to say about a call that raised `error`, and the argument to blame if there is one.

    `positional` is the number of arguments in front of the named ones.
    """
    name = getattr(target, "__name__", None) or repr(target)
    known = accepted(target)
    if known is None:
        return f"{name} raised TypeError: {error}.", None
    unknown = [key for key in given if key not in known.names and _is_blamed(key, known, error)]
    missing = [key for key in known.required if key not in given and key not in known.names[:positional]]
    faults = [_unknown(name, key, known) for key in unknown]
    if missing:
        faults.append(f"{name} needs {_listed(missing)}")
    if not faults:
        faults.append(f"{name} raised TypeError: {error}")
    takes = f"It takes: {_listed(known.names)}." if known.names else "It takes no arguments."
    return f"{'; '.join(faults)}. {takes}", unknown[0] if unknown else None


def _is_blamed(key: str, known: Accepted, error: TypeError) -> bool:
    """Whether an unknown name is a fault: a class that hands names on may also have used it up itself."""
    return not known.is_open and (not known.hands_on or f"'{key}'" in str(error))


def _unknown(name: str, key: str, known: Accepted) -> str:
    nearest = suggest(str(key), known.names)  # YAML and code may have numbers as keys
    return f"{name} takes no argument `{key}`" + (f", {nearest}" if nearest else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _signatures(target: Callable[..., Any]) -> list[Signature]:
    """The signature of `target`; of a class, those of the constructors that its `**kwargs` reach."""
    if not isinstance(target, type):
        return _signature(target)
    chain: list[Signature] = []
    for base in target.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        found = _signature(vars(base)["__init__"])
        if not found:
            break
        without_self = list(found[0].parameters.values())[1:]
        chain.append(found[0].replace(parameters=without_self))
        if not _has_kwargs(found[0]):
            break
    return chain or _signature(target)


def _signature(target: Callable[..., Any]) -> list[Signature]:
    try:
        return [inspect.signature(target)]
    except (TypeError, ValueError):  # written in C, without a text signature
        return []


def _named(signature: Signature) -> list[Parameter]:
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [p for p in signature.parameters.values() if p.kind in kinds]


def _has_kwargs(signature: Signature) -> bool:
    return any(p.kind is Parameter.VAR_KEYWORD for p in signature.parameters.values())
