"""Everything that can be known of a configuration before anything is built, reported at once.

A check walks the tree. It knows what each part may be from whoever builds it: for a key path, the registry that
knows the names, and the arguments that the builder itself adds or takes away. It calls no constructor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from .analysis.derived import names_read
from .errors import ConfigError, ConfigImportError, ConfigKeyError, ConfigTypeError, ConfigValueError, suggest
from .lazy import Lazy
from .node import ConfigDict
from .origin import Origin, Path, spell_path
from .part import Finder, Part
from .paths import chain_at
from .signature import Accepted, accepted, choices_of, fits, spell_type

__all__ = ["find_problems"]

OWN_KEYS = frozenset({"type", "_scope_", "_delete_"})


def find_problems(
    root: ConfigDict,
    registries: Mapping[str, Part | Finder | Mapping[str, Any]],
    keys: Iterable[str] | None,
) -> tuple[ConfigError, ...]:
    """The problems of a configuration, in the order of its keys; `Config.check` says what the arguments are."""
    parts = {pattern: part if isinstance(part, Part) else Part(part) for pattern, part in registries.items()}
    walk = Walk(root, parts)
    walk.visit(root, (), None)
    known = unknown_keys(root, list(keys)) if keys is not None else ()
    return (*known, *walk.problems)


def unknown_keys(root: ConfigDict, known: list[str]) -> Iterator[ConfigError]:
    """The top-level keys that nothing reads: a known one mistyped, or one that only the command line knows.

    Any other key is a variable or a free field. A known key that is there may have been meant too: a child file
    that mistypes what its base has says so beside it.
    """
    free = names_read(root)
    for key in dict.keys(root):
        if key in known or key in free or not isinstance(key, str) or key.startswith("_"):
            continue
        chain = chain_at(root, (key,))
        meant = [name for name in known if may_be_meant(root, key, name)]
        near = suggest(key, meant)
        if near:
            what = f"no part has this name{near}, so nothing would read it; rename it"
        elif chain and chain[0].how == "command line":
            places = [spell_path(path) for path in paths_to(root, key)]
            others = [name for name in dict.keys(root) if name != key and isinstance(name, str)]
            near_it = f" (did you mean `{places[0]}`?)" if places else suggest(key, others)
            what = (
                f"neither the file nor any part has this name{near_it}, so nothing would read it; "
                "name a key that is there, or add this one to the file if your own code reads it"
            )
        else:
            continue
        yield ConfigKeyError(what, path=key, origin=last(chain))


def may_be_meant(root: ConfigDict, key: str, name: str) -> bool:
    """Whether `key` can be the key `name` mistyped: word by word, and with a value of its kind if it is there too.

    Most letters of `test_pipeline` are those of `tta_pipeline`, but nobody writes `test` for `tta`; `model_2` is a
    second model.
    """
    if name in root:
        one, other = dict.get(root, key), dict.get(root, name)
        if isinstance(one, dict) != isinstance(other, dict) or key.rstrip("_0123456789") == name:
            return False
    words, others = key.split("_"), name.split("_")
    return len(words) != len(others) or all(
        suggest(word, [other]) for word, other in zip(words, others, strict=True)
    )


def paths_to(value: Any, key: str, path: Path = ()) -> Iterator[Path]:
    """The paths below the top that end in a key."""
    if isinstance(value, dict):
        for name, part in dict.items(value):
            if path and name == key:
                yield (*path, name)
            yield from paths_to(part, key, (*path, name))
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield from paths_to(part, key, (*path, position))


class Walk:
    """A walk over the tree, and the problems found so far."""

    def __init__(self, root: ConfigDict, parts: Mapping[str, Part]) -> None:
        self.root = root
        self.parts = sorted(parts.items(), key=lambda item: -len(item[0].replace("*", "")))
        self.problems: list[ConfigError] = []

    def visit(self, value: Any, path: Path, around: Part | None) -> None:
        """Check a value and all below; `around` is the part that it is inside of."""
        if isinstance(value, dict):
            here = self.part_at(path)
            if "type" in value:
                self.check_typed(value, path, here or around, certain=here is not None)
            elif here is not None and here.target is not None:
                self.check_arguments(value, path, here.target, here)
            inner = Part(here.registry) if here is not None and here.registry is not None else around
            for key, part in dict.items(value):
                self.visit(part, (*path, key), inner)
        elif isinstance(value, (list, tuple)):
            for position, part in enumerate(value):
                self.visit(part, (*path, position), around)

    def part_at(self, path: Path) -> Part | None:
        """The part of the most literal pattern that fits the path, its positions in lists left out."""
        spelled = spell_path(step for step in path if not isinstance(step, int))
        return next((part for pattern, part in self.parts if path and fnmatchcase(spelled, pattern)), None)

    def check_typed(self, value: dict[Any, Any], path: Path, part: Part | None, *, certain: bool) -> None:
        kind = dict.get(value, "type")
        where = (*path, "type")
        if isinstance(kind, Lazy):
            try:
                kind = kind.build()
            except ImportError as error:
                self.add(ConfigImportError, f"{error}; install it or correct the name", where)
                return
        builder = part if certain and part is not None else Part()
        if isinstance(kind, str):
            kind, builder = self.look_up(kind, dict.get(value, "_scope_"), where, part, certain=certain)
            if kind is None:
                return
        if not callable(kind):
            self.add(
                ConfigTypeError,
                f"`type` is a registered name, a class or a function, not {kind!r}; name one",
                where,
            )
            return
        self.check_arguments(value, path, kind, builder)

    def look_up(
        self, name: str, scope: str | None, where: Path, part: Part | None, *, certain: bool
    ) -> tuple[Any, Part]:
        """What a name means and how that is built; None, and a problem, where it means nothing.

        Where it is not certain which registry is asked, any other one may know the name.
        """
        what = ""
        try:
            if part is not None:
                return part.find(name, scope), part if certain else Part()
        except LookupError as error:
            what = str(error)
        for _, other in self.parts if not certain else ():
            try:
                return other.find(name, scope), other
            except LookupError:
                continue
        if part is not None and part.registry is not None:
            self.add(ConfigKeyError, what, where)
        return None, Part()

    def check_arguments(self, value: dict[Any, Any], path: Path, target: Any, part: Part) -> None:
        known = accepted(target)
        if known is None:
            return
        name = getattr(target, "__name__", None) or repr(target)
        given = [key for key in dict.keys(value) if key not in OWN_KEYS and key not in part.taken]
        offered = [key for key in known.types if key not in part.given]
        takes = ", ".join(offered) or "nothing"
        misspelled: set[str] = set()
        for key in given:
            if not isinstance(key, str) or not known.takes(key):
                absent = [other for other in offered if other not in value]
                near = suggest(str(key), absent)
                misspelled.update(other for other in absent if f"`{other}`" in near)
                self.add(
                    ConfigKeyError,
                    f"{name} takes no argument `{key}`{near}; it takes: {takes}; rename it or take it out",
                    (*path, key),
                )
            else:
                self.check_literal(dict.get(value, key), (*path, key), name, known)
        there = {*dict.keys(value), *part.given, *misspelled}
        missing = [key for key in known.required if key not in there]
        if missing:
            self.add(
                ConfigKeyError,
                f"{name} needs {listed(missing)}; add {', '.join(f'`{key}=...`' for key in missing)}",
                path,
            )

    def check_literal(self, value: Any, path: Path, name: str, known: Accepted) -> None:
        annotation = known.types.get(path[-1], Any)
        if isinstance(value, Lazy) or fits(value, annotation):
            return
        self.add(
            ConfigValueError if isinstance(value, str) else ConfigTypeError,
            f"`{path[-1]}` of {name} is of type `{spell_type(annotation)}`, not {value!r:.60} "
            f"({type(value).__name__.replace('ConfigDict', 'dict')}); {advice(value, annotation)}",
            path,
        )

    def add(self, kind: type[ConfigError], what: str, path: Path) -> None:
        self.problems.append(kind(what, path=spell_path(path), origin=last(chain_at(self.root, path))))


def last(chain: tuple[Origin, ...]) -> Origin | None:
    return chain[-1] if chain else None


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def advice(value: Any, annotation: Any) -> str:
    """What to write instead, where it can be guessed."""
    choices = choices_of(annotation)
    if choices:
        return f"write one of {', '.join(map(repr, choices))}{suggest(str(value), map(str, choices))}"
    if isinstance(value, str):
        for kind in (int, float):
            try:
                number = kind(value)
            except ValueError:
                continue
            if fits(number, annotation):
                return f"write {number!r}, without quotes"
        if value.lower() in ("true", "false") and fits(True, annotation):
            return f"write {value.lower() == 'true'}, without quotes"
    elif isinstance(value, (list, tuple)) and len(value) == 1 and fits(value[0], annotation):
        return f"write `{value[0]!r}`"
    elif fits([value], annotation):
        return f"write `[{value!r}]`"
    elif isinstance(value, (int, float)) and fits(str(value), annotation):
        return f"write {str(value)!r}, with quotes"
    elif isinstance(value, float) and value.is_integer() and fits(int(value), annotation):
        return f"write {int(value)}"
    return f"give it a value of type `{spell_type(annotation)}`"
