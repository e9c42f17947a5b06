"""What the sources of an installed project use of `mmengine`: names, and attributes of the classes behind them.

Sources are parsed, not imported. Which class a variable holds is guessed from its name, as a reader does.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cases import ONLY_READ, PROJECTS

ENGINE = "mmengine"
KNOWN = {*PROJECTS, *ONLY_READ}

HELD_BY = {
    "runner": ("Runner",),
    "optim_wrapper": ("OptimWrapper",),
    "message_hub": ("MessageHub",),
    "visualizer": ("Visualizer",),
    "train_loop": ("EpochBasedTrainLoop", "IterBasedTrainLoop"),
    "val_loop": ("ValLoop",),
    "test_loop": ("TestLoop",),
    "evaluator": ("Evaluator",),
    "log_processor": ("LogProcessor",),
}
"""Name of a variable or attribute -> the classes of the engine that it holds."""


@dataclass(frozen=True, order=True)
class Name:
    """A dotted name below `mmengine`, and where a project uses it."""

    dotted: str
    where: str
    survives: bool
    """Whether the project still imports without it: the name is used in a function or a `try`."""


@dataclass(frozen=True, order=True)
class Use:
    """An attribute of a class of the engine that a project overrides, calls or sets."""

    of: str
    attribute: str
    kind: str
    """One of `override`, `get` and `set`."""


@dataclass
class Class:
    """What a class of a project says about itself and about its bases."""

    name: str
    bases: list[str]
    defines: set[str] = field(default_factory=set)
    gets: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    calls_super: set[str] = field(default_factory=set)


@cache
def sources(project: str) -> dict[str, ast.Module]:
    """Return the parsed modules of an installed project by path; nothing of it is imported."""
    spec = find_spec(project)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    return {
        str(path.relative_to(root.parent)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(root.rglob("*.py"))
        if ".mim/configs" not in path.as_posix()
    }


def names(project: str) -> list[Name]:
    """Return each name of the engine that a project uses, sorted, once for each file."""
    return sorted({name for path, tree in sources(project).items() for name in _names(path, tree)})


def _names(path: str, tree: ast.Module) -> Iterator[Name]:
    aliases = aliases_of(tree)
    for node, survives in walk(tree, False):
        if isinstance(node, ast.ImportFrom) and is_engine(node.module or "") and not node.level:
            for alias in node.names:
                yield Name(f"{node.module}.{alias.name}", path, survives)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if is_engine(alias.name):
                    yield Name(alias.name, path, survives)
        elif isinstance(node, ast.Attribute):
            dotted = dotted_name(node)
            head, _, rest = dotted.partition(".")
            if rest and is_engine(aliases.get(head, "")):
                yield Name(f"{aliases[head]}.{rest}", path, survives)


def walk(node: ast.AST, survives: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield each node below, and whether it runs only in a function or under a `try`."""
    for child in ast.iter_child_nodes(node):
        inside = survives or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try)
        yield child, inside
        # of a chain `a.b.c` only the longest is a use
        yield from walk(
            child.value if isinstance(child, ast.Attribute) and dotted_name(child) else child, inside
        )


@cache
def aliases_of(tree: ast.Module) -> dict[str, str]:
    """Return the names that the imports of a module bind, with the dotted names that they stand for."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{'.' * node.level}{node.module or ''}.{alias.name}"
    return bound


def dotted_name(node: ast.AST) -> str:
    """Return `a.b.c` for such an expression, an empty string for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted_name(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def is_engine(dotted: str) -> bool:
    return dotted == ENGINE or dotted.startswith(f"{ENGINE}.")


def uses(project: str) -> list[Use]:
    """Return what a project uses of classes of the engine, those that it reaches through other projects included."""
    table = {c.name: c for owner in (*others(project), project) for c in classes(owner)}
    found = {use for c in classes(project) for use in of_class(c, table)}
    found |= {use for tree in sources(project).values() for use in of_variables(tree)}
    return sorted(found)


def others(project: str) -> list[str]:
    """Return the installed projects that a project imports, and those that they import."""
    found: list[str] = []
    waiting = [project]
    while waiting:
        trees = sources(waiting.pop()).values()
        heads = {dotted.partition(".")[0] for tree in trees for dotted in aliases_of(tree).values()}
        new = [name for name in sorted(heads & KNOWN) if name not in found and find_spec(name)]
        found += new
        waiting += new
    return [name for name in found if name != project]


@cache
def classes(project: str) -> list[Class]:
    """Return each class that an installed project defines."""
    return [c for tree in sources(project).values() for c in _classes(tree)]


def _classes(tree: ast.Module) -> Iterator[Class]:
    aliases = aliases_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = [resolved(dotted_name(base), aliases) for base in node.bases]
            yield _class(node, [base for base in bases if base])


def resolved(dotted: str, aliases: dict[str, str]) -> str:
    head, dot, rest = dotted.partition(".")
    return f"{aliases.get(head, head)}{dot}{rest}"


def _class(node: ast.ClassDef, bases: list[str]) -> Class:
    made = Class(node.name, bases)
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            made.defines.add(part.name)
        elif isinstance(part, ast.Assign):
            made.defines |= {target.id for target in part.targets if isinstance(target, ast.Name)}
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            made.defines.add(part.target.id)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            if isinstance(part.value, ast.Name) and part.value.id in ("self", "cls"):
                (made.sets if isinstance(part.ctx, ast.Store) else made.gets).add(part.attr)
            elif isinstance(part.value, ast.Call) and dotted_name(part.value.func) == "super":
                made.calls_super.add(part.attr)
    return made


def of_class(c: Class, table: dict[str, Class]) -> Iterator[Use]:
    """Yield what a class uses of the classes of the engine that it derives from, directly or not."""
    ancestors, engines = ancestry(c, table)
    inherited = {name for a in ancestors for name in a.defines | a.sets}
    for engine in engines:
        yield from (Use(engine, name, "override") for name in c.defines)
        yield from (Use(engine, name, "set") for name in c.sets)
        yield from (Use(engine, name, "get") for name in c.calls_super - inherited)
        yield from (Use(engine, name, "get") for name in c.gets - c.defines - c.sets - inherited)


def ancestry(c: Class, table: dict[str, Class]) -> tuple[list[Class], set[str]]:
    """Return the classes of projects and the names of classes of the engine above a class."""
    above: list[Class] = []
    engines: set[str] = set()
    waiting, seen = list(c.bases), {c.name}
    while waiting:
        dotted = waiting.pop()
        name = dotted.rpartition(".")[2]
        if is_engine(dotted):
            engines.add(name)
        elif name in table and name not in seen:
            seen.add(name)
            above.append(table[name])
            waiting += table[name].bases
    return above, engines


def of_variables(tree: ast.Module) -> Iterator[Use]:
    """Yield attributes of variables whose names say what they hold: `runner._resume`, `self.runner.logger`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            holder = node.value.attr if isinstance(node.value, ast.Attribute) else dotted_name(node.value)
            kind = "set" if isinstance(node.ctx, ast.Store) else "get"
            yield from (Use(name, node.attr, kind) for name in HELD_BY.get(holder, ()))
