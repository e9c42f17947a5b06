"""Writes docs/reference/: a page for each package with all its public names, and one of the configuration keys.

    python docs/reference.py           # write the pages
    python docs/reference.py --check   # exit 1 if a page is out of date

The pages are made from the code, so that a reader without it can look a name up; the source of the names is their
docstrings, that of the keys is `eng_runner.plan.keys`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from eng_runner import Runner
from eng_runner.plan.keys import KEYS, Key

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.name for path in ROOT.glob("packages/*/src/eng_*"))
PAGES = Path(__file__).parent / "reference"
REQUIRED = [name for name, each in inspect.signature(Runner).parameters.items() if each.default is each.empty]
ABOUT_KEYS = """\
What may be at the top of a configuration file. Any other name there is a variable of the file's author; one that
resembles a key is reported by `eng check`. On the command line, `eng keys` lists the keys and `eng keys NAME` shows one
in full.

The last column is what a change does to a run that is resumed: with *same result* it ends as if nothing had changed;
with *compatible* the state fits, and numbers may differ; with *changes result* the rest is another training. Names
after it are keys inside of the key, as patterns. *Not compared* are the keys that say where a run begins.
[Resume](../guides/resume.md#what-has-changed-since-the-checkpoint) shows the report.
"""


def pages() -> Iterator[tuple[str, str]]:
    """The name of each page and its text."""
    for package in PACKAGES:
        yield package, package_page(package)
    yield "keys", keys_page()


def package_page(package: str) -> str:
    """The page of one package."""
    module = import_module(package)
    rows = [f"# {package}", "", first_paragraph(module), ""]
    for name in sorted(module.__all__, key=str.lower):
        rows += entry(name, getattr(module, name))
    return "\n".join(rows).rstrip() + "\n"


def keys_page() -> str:
    """The page of the configuration keys."""
    rows = ["# Configuration keys", "", ABOUT_KEYS]
    rows += [
        "## Arguments of the Runner",
        "",
        *keys_table(key for key in KEYS.values() if key.is_argument),
        "",
    ]
    rows += ["## Read by others", "", *keys_table(key for key in KEYS.values() if not key.is_argument)]
    return "\n".join(rows) + "\n"


def keys_table(keys: Iterable[Key]) -> list[str]:
    """A row for each key."""
    rows = ["| key | what it is for | holds | default | changed on resume |", "|---|---|---|---|---|"]
    for key in keys:
        default = "required" if key.name in REQUIRED else f"`{key.default!r}`"
        cells = [f"`{key.name}`", key.help, shape(key), default, effects(key)]
        rows.append(" | ".join(cell.replace("|", r"\|") for cell in cells).join(("| ", " |")))
    return rows


def shape(key: Key) -> str:
    """What a key may hold, with the choices or the names inside of it."""
    names = [repr(choice) for choice in key.choices] or list(
        inspect.signature(key.settings).parameters if key.settings is not None else ()
    )
    return f"{key.shape}{': ' if names else ''}{', '.join(f'`{name}`' for name in names)}"


def effects(key: Key) -> str:
    """What a change of a key, and of those inside of it, does to a resumed run."""
    if not key.is_recorded:
        return "not compared"
    patterns: dict[str, list[str]] = {}
    for pattern, effect in key.below.items():
        patterns.setdefault(effect, []).append(f"`{pattern}`")
    return "; ".join(
        [str(key.effect), *(f"{effect}: {', '.join(names)}" for effect, names in patterns.items())]
    )


def entry(name: str, thing: Any) -> list[str]:
    """A heading, the signature and the first paragraph; for a class, a line for each of its public methods."""
    if inspect.isclass(thing):
        heading = [
            f"## {name}",
            "",
            f"```text\nclass {name}{'(Protocol)' if is_protocol(thing) else signature(thing)}\n```",
            "",
            first_paragraph(thing),
            "",
        ]
        return heading + members(thing)
    if callable(thing) and not isinstance(thing, type):
        return [f"## {name}", "", f"```text\n{name}{signature(thing)}\n```", "", first_paragraph(thing), ""]
    return [f"## {name}", "", f"A {type(thing).__name__}.", ""]


def members(thing: type) -> list[str]:
    """The public methods and properties that a class defines itself, or a private base of the same package.

    For a protocol, its attributes too.
    """
    rows = [f"- `{name}`" for name in attributes(thing)] if is_protocol(thing) else []
    for name, member in own_members(thing).items():
        function = getattr(member, "__func__", member)
        if name.startswith("_") or not (inspect.isfunction(function) or isinstance(member, property)):
            continue
        said = first_line(function.fget if isinstance(member, property) else function)
        shown = name if isinstance(member, property) else f"{name}{signature(function)}"
        rows.append(f"- `{shown}`{f': {said}' if said else ''}")
    return [*rows, ""] if rows else []


def own_members(thing: type) -> dict[str, Any]:
    """The members by name; those of a base that has no entry of its own are listed with the class."""
    package = thing.__module__.partition(".")[0]
    public = getattr(import_module(package), "__all__", ())
    found = dict(vars(thing))
    for base in thing.__mro__[1:]:
        if base.__module__.partition(".")[0] == package and base.__name__ not in public:
            found = {**found, **{name: member for name, member in vars(base).items() if name not in found}}
    return found


def is_protocol(thing: type) -> bool:
    """Whether a class is a `typing.Protocol`."""
    return bool(vars(thing).get("_is_protocol", False))


def attributes(thing: type) -> list[str]:
    """The annotated attributes of a class and of its bases, in order."""
    found = [name for base in reversed(thing.__mro__) for name in vars(base).get("__annotations__", {})]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]


def signature(thing: Any) -> str:
    """The signature without annotations, which differ between versions of Python."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    bare = [
        parameter.replace(annotation=parameter.empty)
        for parameter in found.parameters.values()
        if parameter.name not in {"self", "cls"}
    ]
    text = str(found.replace(parameters=bare, return_annotation=found.empty))
    return re.sub(r"<(?:function|class|object|module) '?([\w.]+)'?[^>]*>", r"\1", text)


def first_paragraph(thing: Any) -> str:
    """The first paragraph of a docstring, or nothing."""
    return (inspect.getdoc(thing) or "").partition("\n\n")[0] if own_doc(thing) else ""


def first_line(thing: Any) -> str:
    """The first line of a docstring, or nothing."""
    return (inspect.getdoc(thing) or "").partition("\n")[0] if own_doc(thing) else ""


def own_doc(thing: Any) -> bool:
    """Whether the docstring is its own: that of a plain value is its type's."""
    return bool(getattr(thing, "__doc__", None))


def main() -> int:
    PAGES.mkdir(exist_ok=True)
    stale = []
    for name, text in pages():
        path = PAGES / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            stale.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print("out of date, run `python docs/reference.py`:", *stale, sep="\n  ")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
