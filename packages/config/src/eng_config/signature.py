"""What a class or function can be called with, and whether a literal suits what it says about an argument.

Nothing is called. Imported only by a check, because `inspect` and `typing` read more than this package does.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Literal, NamedTuple, Union

__all__ = ["Accepted", "accepted", "choices_of", "fits", "spell_type"]


class Accepted(NamedTuple):
    """The arguments that a callable takes by name."""

    #: name -> annotation; `Any` where nothing is said
    types: dict[str, Any]
    required: tuple[str, ...]
    #: whether names beyond these may be taken too
    is_open: bool
    #: names that constructors look for in their `**kwargs` themselves
    looked_for: frozenset[str]

    def takes(self, name: str) -> bool:
        return self.is_open or name in self.types or name in self.looked_for


def accepted(target: Callable[..., Any]) -> Accepted | None:
    """What `target` takes by name, or None where that cannot be known.

    Through `**kwargs` a class takes what its base classes take as well; what those require it may give itself.

    >>> class Base:
    ...     def __init__(self, width: int, depth=1): ...
    >>> class Net(Base):
    ...     def __init__(self, norm, **kwargs): super().__init__(**kwargs)
    >>> found = accepted(Net)
    >>> sorted(found.types), found.required, found.takes("dept")
    (['depth', 'norm', 'width'], ('norm',), False)
    """
    functions = constructors(target)
    readings = [(function, signature(function)) for function in functions]
    known = [(function, found) for function, found in readings if found is not None]
    if not known:
        return None
    is_method = isinstance(target, type)
    hints: dict[str, Any] = {}
    looked_for: set[str] = set()
    for function, found in known:
        resolved = hints_of(function)
        for parameter in named(found, is_method and inspect.isfunction(function)):
            hints.setdefault(parameter.name, hint(parameter, resolved))
        looked_for |= texts_in(function)
    first = named(known[0][1], is_method and inspect.isfunction(known[0][0]))
    return Accepted(
        hints,
        tuple(p.name for p in first if p.default is Parameter.empty),
        len(known) < len(readings) or has_kwargs(known[-1][1]),
        frozenset(looked_for),
    )


def constructors(target: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The functions that get the arguments: for a class, the constructors that its `**kwargs` reach."""
    if not isinstance(target, type):
        return [target]
    chain: list[Callable[..., Any]] = []
    for base in target.__mro__[:-1]:
        own = vars(base).get("__init__")
        if own is None:
            continue
        chain.append(own)
        found = signature(own)
        if found is None or not has_kwargs(found):
            break
    return chain or [target]


def signature(function: Callable[..., Any]) -> Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # written in C, without a text signature
        return None


def named(found: Signature, without_self: bool) -> list[Parameter]:
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [p for p in list(found.parameters.values())[int(without_self) :] if p.kind in kinds]


def has_kwargs(found: Signature) -> bool:
    return any(p.kind is Parameter.VAR_KEYWORD for p in found.parameters.values())


def texts_in(function: Callable[..., Any]) -> set[str]:
    """The text constants of a function: `kwargs.pop("mode")` shows that it takes `mode`."""
    code = getattr(function, "__code__", None)
    return {part for part in code.co_consts if isinstance(part, str)} if code is not None else set()


def hints_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The annotations with their names looked up; nothing where one of them is not there at runtime."""
    try:
        return typing.get_type_hints(function)
    except Exception:  # any code may stand in an annotation
        return {}


def hint(parameter: Parameter, resolved: Mapping[str, Any]) -> Any:
    """What is said about a parameter; a default of None allows None."""
    found = resolved.get(parameter.name, Any)
    return found | None if parameter.default is None and found is not Any else found


SEQUENCES = (list, tuple, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence)
MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
PLAIN: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    bytes: (bytes,),
    complex: (complex, float, int),
    float: (float, int),
    int: (int,),
    str: (str,),
    types.NoneType: (types.NoneType,),
}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value of a configuration may be given where `annotation` is asked for; in doubt, yes.

    >>> fits(3, float), fits("3", int), fits([1, 2], tuple[int, int]), fits(None, int | None)
    (True, False, True, True)
    """
    if annotation in PLAIN:
        return isinstance(value, PLAIN[annotation])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Union or origin is types.UnionType:
        return any(fits(value, part) for part in arguments)
    if origin is Literal:
        return value in arguments
    if origin is typing.Annotated:
        return fits(value, arguments[0])
    kind = origin or annotation
    if kind in MAPPINGS:
        return isinstance(value, dict)
    if kind in SEQUENCES:
        if isinstance(value, (list, tuple)):
            return elements_fit(value, kind, arguments)
        return not isinstance(value, (bool, int, float, types.NoneType)) and (
            kind not in (list, tuple) or not isinstance(value, (str, dict))
        )
    return not (isinstance(value, str) and isinstance(kind, type) and hasattr(kind, "__array__"))


def elements_fit(value: list[Any] | tuple[Any, ...], kind: Any, arguments: tuple[Any, ...]) -> bool:
    if not arguments:
        return True
    if kind is tuple and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return all(fits(part, arguments[0]) for part in value)


def choices_of(annotation: Any) -> tuple[Any, ...]:
    """The values that a `Literal` names, alone or among others."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    return tuple(choice for part in typing.get_args(annotation) for choice in choices_of(part))


def spell_type(annotation: Any) -> str:
    """An annotation as it was written.

    >>> spell_type(int), spell_type(list[int] | None)
    ('int', 'list[int] | None')
    """
    return (
        annotation.__name__
        if isinstance(annotation, type) and not typing.get_args(annotation)
        else (str(annotation).replace("typing.", ""))
    )
