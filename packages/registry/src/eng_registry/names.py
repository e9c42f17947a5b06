"""The names of one registry: which object each means, where it was registered, and who else claims it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType, FrameType

from eng_registry.errors import AmbiguousNameError, TakenError, WrongTypeError

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class Place:
    """Where an object was registered: the code that was running, the instruction in it, and its module's globals.

    The line number is computed on demand: counting lines is slow, and only errors ask for them.
    """

    __slots__ = ("code", "instruction", "namespace")

    def __init__(self, code: CodeType, instruction: int, namespace: dict[str, Any]) -> None:
        self.code = code
        self.instruction = instruction
        self.namespace = namespace

    @property
    def line(self) -> int | None:
        for start, end, line in self.code.co_lines():
            if start <= self.instruction < end:
                return line
        return None

    @property
    def package(self) -> str:
        """The top-level package that registered it."""
        return str(self.namespace.get("__name__", "__main__")).partition(".")[0]

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line}"


class Claim:
    """An object that a package registered under a name, and where."""

    __slots__ = ("obj", "place")

    def __init__(self, obj: Any, place: Place) -> None:
        self.obj = obj
        self.place = place

    def __str__(self) -> str:
        return f"{_identity(self.obj) or repr(self.obj)} ({self.place})"

    def is_again(self, old: Claim) -> bool:
        """Whether this is the same object as `old`, or the same source executed again, as by a reload.

        A file that is executed again was compiled again. A second definition of a name on another line of the
        same code is another object.
        """
        if old.obj is self.obj:
            return True
        path = _identity(self.obj)
        if not path or path != _identity(old.obj) or type(old.obj) is not type(self.obj):
            return False
        return old.place.code is not self.place.code or old.place.instruction == self.place.instruction


class Names:
    """The table of one registry; `label` is what messages call the registry."""

    __slots__ = ("_claims", "_forced", "_gives_way", "_places", "label", "objects")

    def __init__(self, label: str) -> None:
        self.label = label
        #: the live table from names to objects
        self.objects: dict[str, Any] = {}
        self._places: dict[str, tuple[CodeType, int, dict[str, Any]]] = {}
        #: names that several packages claim; such a name is in `objects` only if one of them used force
        self._claims: dict[str, list[Claim]] = {}
        self._forced: set[str] = set()
        #: names whose object any other one may replace
        self._gives_way: set[str] = set()

    def register(
        self, obj: Any, names: Sequence[str] | None, force: bool, frame: FrameType, gives_way: bool = False
    ) -> None:
        """Register `obj` under its names, by default its `__name__`; `frame` is the code that registers it.

        Raises `TakenError` for a name that another object of the same package has.
        """
        if not callable(obj):
            raise WrongTypeError(
                f"only what is callable can be registered, not {type(obj).__name__}: {obj!r}"
            )
        place = frame.f_code, frame.f_lasti, frame.f_globals
        for name in names or (_own_name(obj),):
            if force:
                self._forced.add(name)
                self._claims.pop(name, None)
            elif name in self._gives_way:
                self._gives_way.discard(name)
            elif (name in self.objects or name in self._claims) and (
                gives_way or not self._takes(name, Claim(obj, Place(*place)))
            ):
                continue
            self.objects[name] = obj
            self._places[name] = place
            if gives_way:
                self._gives_way.add(name)

    def _takes(self, name: str, new: Claim) -> bool:
        """Whether `new` replaces the object of that name; the claim of another package is kept beside the others."""
        claims = self._claims.get(name)
        if claims is None:
            known = self._places.get(name)
            claims = [Claim(self.objects[name], new.place if known is None else Place(*known))]
        for i, old in enumerate(claims):
            if new.is_again(old):
                claims[i] = new
                return self.objects.get(name) is old.obj
        rivals = [old for old in claims if new.place.package in (old.place.package, "__main__")]
        if rivals:
            raise TakenError(
                f"{name} is already registered in the {self.label} registry: {rivals[0]}. "
                f"{new} needs another name, or force=True to take its place"
            )
        self._claims[name] = [*claims, new]
        if name not in self._forced:
            self.objects.pop(name, None)
        return False

    def claimed(self, name: str, family: str | None) -> Any | None:
        """The object of a name that several packages claim: of those, the one of `family`; None for other names.

        `eng_optim` is of the family `eng`. Raises `AmbiguousNameError` if it is not exactly one.
        """
        claims = self._claims.get(name)
        if claims is None:
            return None
        at_home = [claim.obj for claim in claims if family is not None and _is_of(claim, family)]
        if len(at_home) != 1:
            spelled = ", ".join(f"`{claim.place.package}.{name}` ({claim.place})" for claim in claims)
            raise AmbiguousNameError(
                f"{name} is registered in the {self.label} registry by several packages. "
                f"Say which one is meant: {spelled}."
            )
        return at_home[0]

    def registered_by(self, package: str, name: str) -> Any | None:
        """The object that a top-level package registered under the name, or None."""
        return next((claim.obj for claim in self._all(name) if claim.place.package == package), None)

    def _all(self, name: str) -> Iterator[Claim]:
        yield from self._claims.get(name, ())
        if name in self._places and name in self.objects:
            yield Claim(self.objects[name], Place(*self._places[name]))


def _own_name(obj: Any) -> str:
    try:
        return obj.__name__  # type: ignore[no-any-return]  # a str, or the object does not want to be registered
    except AttributeError:
        raise WrongTypeError(f"{obj!r} has no __name__, so it needs `name=`") from None


def _identity(obj: Any) -> str:
    """The import path of a class or function; "" for other objects."""
    name = getattr(obj, "__qualname__", "")
    return f"{obj.__module__}.{name}" if name else ""


def _is_of(claim: Claim, family: str) -> bool:
    return claim.place.package == family or claim.place.package.startswith(f"{family}_")
