"""Writes docs/reference/<package>.md: every public name with its signature and what it says of itself.

    python docs/reference.py           # write the pages
    python docs/reference.py --check   # exit 1 if a page is out of date

The pages are made from the code, so that a reader without it can look a name up; the docstrings are the source.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.name for path in ROOT.glob("packages/*/src/eng_*"))
PAGES = Path(__file__).parent / "reference"


def page(package: str) -> str:
    """The page of one package."""
    module = import_module(package)
    rows = [f"# {package}", "", first_paragraph(module), ""]
    for name in sorted(module.__all__, key=str.lower):
        rows += entry(name, getattr(module, name))
    return "\n".join(rows).rstrip() + "\n"


def entry(name: str, thing: Any) -> list[str]:
    """A heading, the signature and the first paragraph; for a class, a line for each of its public methods."""
    if inspect.isclass(thing):
        heading = [
            f"## {name}",
            "",
            f"```text\nclass {name}{signature(thing)}\n```",
            "",
            first_paragraph(thing),
            "",
        ]
        return heading + members(thing)
    if callable(thing) and not isinstance(thing, type):
        return [f"## {name}", "", f"```text\n{name}{signature(thing)}\n```", "", first_paragraph(thing), ""]
    return [f"## {name}", "", f"A {type(thing).__name__}.", ""]


def members(thing: type) -> list[str]:
    """The public methods and properties that a class defines itself, or a private base of the same package."""
    rows = []
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
    for package in PACKAGES:
        path, text = PAGES / f"{package}.md", page(package)
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
