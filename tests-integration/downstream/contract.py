"""What an engine gives to the classes of projects: attributes, parameters of methods, what can be set.

    python contract.py record OUTPUT    with the original engine: of what projects use, all that it has
    python contract.py never OUTPUT     with the original engine: what projects use and it has not
    python contract.py check OUTPUT     with any engine: what it lacks of the recorded contract
    python contract.py projects OUTPUT  with any engine: what each installed project does not find, and what it uses

The original is looked at from outside, by `dir`, `vars` and `inspect.signature`.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cases import ONLY_READ, PROJECTS, RECORDED
from objects import objects
from record import write
from torch import nn
from usage import Use, names, uses

FILE = RECORDED / "contract.json"
NEVER = RECORDED / "never.json"
"""Names that projects use and that the original lacks too, each with a place where it is used."""
EVERYWHERE = {*dir(nn.Module()), *dir(object), *dir(dict)}


def record() -> dict[str, Any]:
    """Return `{class: {"at": its dotted name, "has": {attribute: parameters or None}, "set": [...]}}`."""
    seen, made = used(), objects()[0]
    places = dotted_classes()
    return {
        of: {
            "at": places[of],
            "has": {name: parameters(places[of], name) for name in sorted(attributes)},
            "set": sorted(name for name in attributes if Use(of, name, "set") in seen),
        }
        for of in sorted({use.of for use in seen} & places.keys())
        if (attributes := offered(places[of], made.get(of), {use.attribute for use in seen if use.of == of}))
    }


def used() -> set[Use]:
    """Return what the installed projects use of classes of the engine."""
    return {use for name in installed() for use in uses(name) if use.attribute not in EVERYWHERE}


def installed() -> list[str]:
    return [name for name in (*ONLY_READ, *PROJECTS) if find_spec(name)]


def dotted_classes() -> dict[str, str]:
    """Return the shortest dotted name by which a project imports each class of the engine."""
    dotted = {name.dotted for project in installed() for name in names(project)}
    by_name: dict[str, str] = {}
    for name in sorted(dotted, key=lambda name: (len(name), name)):
        if inspect.isclass(resolve(name)):
            by_name.setdefault(name.rpartition(".")[2], name)
    return by_name


def resolve(dotted: str) -> Any:
    """Return the object of a dotted name, None where there is none."""
    return found(dotted)[0]


def found(dotted: str) -> tuple[Any, str]:
    """Return the object of a dotted name, or None and the error."""
    head, *rest = dotted.split(".")
    value, at = import_module(head), head
    for name in rest:
        try:
            value = _below(value, f"{at}.{name}")
        except (AttributeError, ImportError) as error:
            return None, f"{type(error).__name__}: {error}"
        at = f"{at}.{name}"
    return value, ""


def _below(value: Any, dotted: str) -> Any:
    """Return an attribute, or the module of that name where a module has none."""
    name = dotted.rpartition(".")[2]
    try:
        return getattr(value, name)
    except AttributeError:
        if not inspect.ismodule(value) or not find_spec(dotted):
            raise
        return import_module(dotted)


def offered(dotted: str, made: Any, wanted: set[str]) -> set[str]:
    """Return those attributes that a class or an object of it has."""
    return {name for name in wanted if hasattr(resolve(dotted), name) or has(made, name)}


def has(made: Any, name: str) -> bool:
    try:
        return made is not None and hasattr(made, name)
    except Exception:  # a property that raises is there
        return True


def parameters(dotted: str, name: str) -> list[str] | None:
    """Return the names of the parameters of a method, None for anything else."""
    value = inspect.getattr_static(resolve(dotted), name, None)
    if isinstance(value, staticmethod):
        return ["self", *inspect.signature(value.__func__).parameters]  # as an object calls it
    if isinstance(value, classmethod):
        value = value.__func__
    return list(inspect.signature(value).parameters) if inspect.isfunction(value) else None


def check() -> dict[str, list[str]]:
    """Return `{class: what is lacking}` for each class of the recorded contract."""
    contract = json.loads(FILE.read_text(encoding="utf-8"))
    made, failed = objects()
    lacking = {of: sorted(lacks(entry, made.get(of))) for of, entry in contract.items()}
    return {"objects": failed, **lacking}


def lacks(entry: Mapping[str, Any], made: Any) -> Iterator[str]:
    """Yield one line for each attribute that is missing, takes other parameters or cannot be set."""
    of = resolve(entry["at"])
    if not inspect.isclass(of):
        yield f"{entry['at']}: {'missing' if of is None else 'not a class'}"
        return
    for name, wanted in entry["has"].items():
        if not hasattr(of, name) and not has(made, name):
            yield f"{name}: missing"
            continue
        actual = parameters(entry["at"], name)
        if wanted is not None and actual is not None and not accepts(actual, wanted):
            yield f"{name}: takes ({', '.join(actual)}), not ({', '.join(wanted)})"
    for name in entry["set"]:
        static = inspect.getattr_static(of, name, None)
        if isinstance(static, property) and static.fset is None:
            yield f"{name}: cannot be set"


def record_never() -> dict[str, str]:
    """Return the names that the installed projects use and that this engine lacks."""
    NEVER.unlink(missing_ok=True)
    return {dotted: why for name in installed() for dotted, why in unfound(name).items()}


def projects() -> dict[str, Any]:
    """Return `{project: {"unfound": {name: why}, "uses": {class: attributes}}}` for what is installed."""
    return {name: {"unfound": unfound(name), "uses": attributes_of(name)} for name in installed()}


def unfound(project: str) -> dict[str, str]:
    """Return `{dotted name: why, and where it is used}` for what a project would not survive.

    A name that was left out on purpose may fail in a function or under a `try`, where the message is read; what the
    original did not have either may be missing.
    """
    never = json.loads(NEVER.read_text(encoding="utf-8")) if NEVER.exists() else {}
    lines = {}
    for name in names(project):
        error = "" if name.dotted in never else found(name.dotted)[1]
        if error and not (name.survives and "is left out; use" in error):
            lines.setdefault(name.dotted, f"{error} [{name.where}]")
    return lines


def attributes_of(project: str) -> dict[str, list[str]]:
    """Return the attributes of each class of the engine that a project overrides, uses or sets."""
    by_class: dict[str, set[str]] = {}
    for use in uses(project):
        by_class.setdefault(use.of, set()).add(use.attribute)
    return {of: sorted(attributes) for of, attributes in sorted(by_class.items())}


def accepts(actual: list[str], wanted: list[str]) -> bool:
    """Whether a call by the wanted names or positions is one by the actual ones too."""
    if {"args", "kwargs"} <= {*actual}:
        return True
    loose = {"args", "kwargs"}
    ours = [name for name in actual if name not in loose]
    theirs = [name for name in wanted if name not in loose]
    return ours[1 : len(theirs)] == theirs[1:] and loose & {*wanted} <= loose & {*actual}


if __name__ == "__main__":
    jobs = {"record": record, "never": record_never, "check": check, "projects": projects}
    write(Path(sys.argv[2]), jobs[sys.argv[1]]())
