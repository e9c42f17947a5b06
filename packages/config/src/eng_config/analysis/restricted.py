"""The evaluator for Python files that are not trusted: settings are computed, and nothing else can be reached.

It walks the syntax tree; Python never runs it. What is not named here does not exist: no import, no function of the
file, no attribute but the keys of dictionaries and the listed methods, no call but of the listed functions. Steps,
sizes and seconds are taken from a budget before they are spent.

This module is longer than others because it is one argument: a reader who wants to know whether a file can escape,
or run for long, reads all of the language here, one method for each expression, and nothing elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import operator
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ..bounds import MAX_SECONDS, MAX_STEPS, MAX_WEIGHT, Budget, weigh
from ..errors import ConfigError, ConfigEvaluationError, UntrustedConfigError, suggest
from ..node import ConfigDict
from ..origin import Origin
from ..paths import overlay

__all__ = ["evaluate"]

MAX_BITS = 10_000
MAX_WIDTH = 1_000
ADVICE = "write it out, or read the file with `trust=True` if it is yours"

ALLOWED = (
    abs,
    all,
    any,
    bool,
    complex,
    dict,
    float,
    frozenset,
    int,
    len,
    list,
    max,
    min,
    range,
    set,
    sorted,
    str,
    sum,
)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in (*ALLOWED, tuple)},
    "enumerate": lambda *args: list(enumerate(*args)),
    "zip": lambda *args, strict=False: list(zip(*args, strict=strict)),
}


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GROWING_TEXT_METHODS = words("center join ljust replace rjust zfill")
METHODS: dict[type, frozenset[str]] = {
    str: GROWING_TEXT_METHODS
    | words(
        "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier islower "
        "isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind rindex rpartition "
        "rsplit rstrip split splitlines startswith strip swapcase title upper"
    ),
    dict: words("clear copy get items keys merge pop setdefault update values"),
    list: words("append clear copy count extend index insert pop remove reverse sort"),
    tuple: words("count index"),
    set: words("add copy difference discard intersection issubset issuperset union update"),
}
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.Mod: operator.mod,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.RShift: operator.rshift,
    ast.Sub: operator.sub,
}
COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.NotEq: operator.ne,
    ast.NotIn: lambda left, right: left not in right,
}
SIGNS: dict[type, Callable[[Any], Any]] = {
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("a"): ascii, ord("r"): repr, ord("s"): str}
#: statements whose keyword is not the name of their class
KEYWORDS = {"AsyncFunctionDef": "async def", "ClassDef": "class", "FunctionDef": "def", "TryStar": "try"}


def evaluate(
    tree: ast.Module,
    file: str,
    names: dict[str, Any],
    overrides: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """Return the names that the file assigns, given these names; `overrides` are put in after each statement.

    Raises `UntrustedConfigError` with the line for everything that is not allowed or exceeds the budget, and
    `ConfigEvaluationError` for an error of the file itself.

    >>> evaluate(ast.parse("sizes = [32 * n for n in range(1, 4)]"), "cfg.py", {})
    {'sizes': [32, 64, 96]}
    """
    budget = budget or Budget()
    evaluator = Evaluator(file, dict(names), budget)
    try:
        for statement in tree.body:
            evaluator.run([statement])
            overlay(evaluator.names, overrides or {})
    except Exception as error:
        here = Origin(file, evaluator.line)
        if isinstance(error, ConfigError):
            error.origin = error.origin or here
            raise
        if isinstance(error, RecursionError):
            raise UntrustedConfigError(
                f"the expression is nested too deeply; {ADVICE}", origin=here
            ) from error
        raise ConfigEvaluationError(
            f"the file raised {type(error).__name__}: {error}", origin=here
        ) from error
    finally:
        budget.seconds = evaluator.deadline - time.monotonic()
    return {name: value for name, value in evaluator.names.items() if name not in names}


class Evaluator:
    """Names and what is left of the budget, while a file is walked."""

    def __init__(self, file: str, names: dict[str, Any], budget: Budget) -> None:
        self.file = file
        self.names = names
        self.line = 1
        self.budget = budget
        #: the keys of dictionaries and sets so far that are not texts, by their hashes
        self.keys: dict[int, list[Any]] = {}
        self.deadline = time.monotonic() + budget.seconds

    def refuse(self, what: str) -> NoReturn:
        raise UntrustedConfigError(
            f"{what} is not allowed in a file that is not trusted; {ADVICE}",
            origin=Origin(self.file, self.line),
        )

    def spend(self, steps: int) -> None:
        """Take steps from the budget."""
        self.budget.steps -= steps
        if self.budget.steps < 0 or time.monotonic() > self.deadline:
            self.refuse(f"a computation of more than {MAX_STEPS:,} steps or {MAX_SECONDS:g} seconds")

    def spend_on(self, *values: Any) -> None:
        """Take as many steps as walking through the values takes."""
        for value in values:
            weight = weigh(value, MAX_WEIGHT)
            if weight > MAX_WEIGHT:
                self.refuse(f"a value of more than {MAX_WEIGHT:,} parts")
            self.spend(weight)

    def spend_on_keys(self, keys: Iterable[Any]) -> None:
        """Take as many steps as putting these keys into a dictionary or set takes.

        A key is compared with all others of the same hash. The hash of a text is salted, that of a number can be
        chosen.
        """
        for key in keys:
            if isinstance(key, (int, float, complex, tuple, frozenset)):
                try:
                    alike = self.keys.setdefault(hash(key), [])
                except TypeError:  # a list in a tuple: not a key
                    continue
                self.spend(1 + len(alike))
                if key not in alike:
                    alike.append(key)

    def spend_on_items(self, args: list[Any]) -> None:
        """Take the steps for what may become keys: the arguments, what is in them, and the first of every pair."""
        self.spend_on_keys(args)
        for arg in args:
            if isinstance(arg, (list, tuple, set, frozenset, range, dict)):
                self.spend_on_keys(arg)
                self.spend_on_keys(part[0] for part in arg if isinstance(part, (list, tuple)) and part)

    # Statements

    def run(self, statements: Iterable[ast.stmt]) -> None:
        for node in statements:
            self.line = node.lineno
            match node:
                case ast.Assign(targets=targets, value=value):
                    result = self.value(value)
                    for target in targets:
                        self.assign(target, result)
                case ast.AnnAssign(target=target, value=value):
                    if value is not None:
                        self.assign(target, self.value(value))
                case ast.AugAssign(target=target, op=op, value=value):
                    self.assign(target, self.combine(op, self.value(target), self.value(value)))
                case ast.Expr(value=value):
                    self.value(value)
                case ast.If(test=test, body=body, orelse=orelse):
                    self.run(body if self.value(test) else orelse)
                case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                    for item in self.walk(self.value(iterable)):
                        self.assign(target, item)
                        self.run(body)
                    self.run(orelse)
                case ast.Delete(targets=targets):
                    for target in targets:
                        self.delete(target)
                case ast.Pass():
                    pass
                case ast.Import() | ast.ImportFrom():
                    self.refuse("an import")
                case _:
                    kind = type(node).__name__
                    self.refuse(f"the statement `{KEYWORDS.get(kind, kind.lower())}`")

    def assign(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                if name[:2] == "__":
                    self.refuse(f"the name `{name}`")
                self.names[name] = value
            case ast.Subscript() | ast.Attribute():
                container, key = self.slot(target, "assigning")
                self.spend_on(
                    container if isinstance(key, slice) else None, value
                )  # `_base_` copies its values
                container[key] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = list(self.walk(value))
                if len(values) != len(targets):
                    raise ConfigEvaluationError(
                        f"{len(values)} values cannot be put into {len(targets)} names"
                    )
                for part, item in zip(targets, values, strict=True):
                    self.assign(part, item)
            case _:
                self.refuse("this assignment")

    def delete(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.names.pop(name, None)
            case ast.Subscript() | ast.Attribute():
                container, key = self.slot(target, "deleting")
                del container[key]
            case _:
                self.refuse("this deletion")

    def slot(self, target: ast.Subscript | ast.Attribute, doing: str) -> tuple[Any, Any]:
        """The dictionary or list, and the key in it, that an item or an attribute names."""
        owner = self.value(target.value)
        if isinstance(target, ast.Attribute):
            return self.keyed(owner, target.attr), target.attr
        if not isinstance(owner, (dict, list)):
            self.refuse(f"{doing} inside of a {type(owner).__name__}")
        return owner, self.key(target.slice)

    def keyed(self, owner: Any, key: str) -> dict[Any, Any]:
        """The dictionary whose key an attribute names."""
        if not isinstance(owner, dict) or key[:2] == "__":
            self.refuse(f"the attribute `{key}` of a {type(owner).__name__}")
        return owner

    # Expressions

    def value(self, node: ast.expr) -> Any:
        self.spend(1)
        self.line = node.lineno
        method = getattr(self, f"value_{type(node).__name__}", None)
        if method is None:
            self.refuse(f"the expression `{type(node).__name__.lower()}`")
        return method(node)

    def value_Constant(self, node: ast.Constant) -> Any:
        self.spend(len(node.value) if isinstance(node.value, (str, bytes)) else 1)
        return node.value

    def value_Name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in FUNCTIONS:
            self.refuse(f"`{node.id}` as a value")
        if hasattr(builtins, node.id):
            self.refuse(f"`{node.id}`")
        raise ConfigEvaluationError(
            f"the name `{node.id}` is not defined{suggest(node.id, [*self.names, *FUNCTIONS])}"
        )

    def value_List(self, node: ast.List) -> list[Any]:
        return self.items(node.elts)

    def value_Tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self.items(node.elts))

    def value_Set(self, node: ast.Set) -> set[Any]:
        items = self.items(node.elts)
        self.spend_on(items)
        self.spend_on_keys(items)
        return set(items)

    def value_Dict(self, node: ast.Dict) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                made.update(self.spread(self.value(value)))
            else:
                made[self.key(key)] = self.value(value)
        return made

    def key(self, node: ast.expr) -> Any:
        """The value of a key; hashing a tuple walks through all of it."""
        key = self.value(node)
        if isinstance(key, (tuple, frozenset)):
            self.spend_on(key)
        self.spend_on_keys([key])
        return key

    def items(self, nodes: Iterable[ast.expr]) -> list[Any]:
        """The values of a display or of arguments, stars walked."""
        made: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                made.extend(self.walk(self.value(node.value)))
            else:
                made.append(self.value(node))
        return made

    def spread(self, value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            self.refuse(f"`**` of a {type(value).__name__}")
        self.spend(len(value))
        return value

    def walk(self, value: Any) -> Iterator[Any]:
        """The items of a value, each paid for."""
        if not isinstance(value, (str, bytes, list, tuple, dict, set, frozenset, range)):
            raise ConfigEvaluationError(f"a {type(value).__name__} cannot be iterated over")
        for item in value:
            self.spend(1)
            yield item

    def value_BoolOp(self, node: ast.BoolOp) -> Any:
        result: Any = None
        for part in node.values:
            result = self.value(part)
            if bool(result) is isinstance(node.op, ast.Or):
                break
        return result

    def value_IfExp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def value_UnaryOp(self, node: ast.UnaryOp) -> Any:
        return SIGNS[type(node.op)](self.value(node.operand))

    def value_BinOp(self, node: ast.BinOp) -> Any:
        return self.combine(node.op, self.value(node.left), self.value(node.right))

    def combine(self, op: ast.operator, left: Any, right: Any) -> Any:
        """The result of an operator, when it cannot be out of proportion."""
        function = OPERATORS.get(type(op))
        if function is None:
            self.refuse("this operator")
        if isinstance(left, (int, float, complex)) and isinstance(right, (int, float, complex)):
            if isinstance(left, int) and isinstance(right, int) and bits(op, left, right) > MAX_BITS:
                self.refuse(f"a number of more than {MAX_BITS:,} bits")
        elif isinstance(op, ast.Mult):
            count, repeated = (left, right) if isinstance(left, int) else (right, left)
            if not isinstance(count, int) or not isinstance(repeated, (str, bytes, list, tuple)):
                raise ConfigEvaluationError(f"{type(left).__name__} * {type(right).__name__} has no meaning")
            if len(repeated) * max(count, 0) > MAX_WEIGHT:
                self.refuse(f"a value of more than {MAX_WEIGHT:,} parts")
            self.spend(len(repeated) * max(count, 0))
        elif isinstance(left, (str, bytes)) and isinstance(op, ast.Mod):
            self.refuse("formatting with `%`")
        else:
            self.spend_on(left, right)
        return function(left, right)

    def value_Compare(self, node: ast.Compare) -> Any:
        left = self.value(node.left)
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other)
            self.spend_on(left, right)
            if not COMPARISONS[type(op)](left, right):
                return False
            left = right
        return True

    def value_Subscript(self, node: ast.Subscript) -> Any:
        owner = self.value(node.value)
        if not isinstance(owner, (str, bytes, list, tuple, dict, range)):
            raise ConfigEvaluationError(f"a {type(owner).__name__} has nothing inside")
        key = self.key(node.slice)
        if isinstance(key, slice):
            self.spend(len(owner))
        return owner[key]

    def value_Slice(self, node: ast.Slice) -> slice:
        parts = (node.lower, node.upper, node.step)
        return slice(*[self.value(part) if part is not None else None for part in parts])

    def value_Attribute(self, node: ast.Attribute) -> Any:
        return self.keyed(self.value(node.value), node.attr)[node.attr]

    def value_JoinedStr(self, node: ast.JoinedStr) -> str:
        text = "".join([self.value(part) for part in node.values])
        self.spend(len(text))
        return text

    def value_FormattedValue(self, node: ast.FormattedValue) -> str:
        value = self.value(node.value)
        spec = self.value(node.format_spec) if node.format_spec is not None else ""
        widths = re.findall(r"\d+", spec[:MAX_WIDTH])
        if len(spec) > MAX_WIDTH or any(int(width) > MAX_WIDTH for width in widths):
            self.refuse(f"a text formatted to a width of more than {MAX_WIDTH:,}")
        self.spend_on(value)
        if node.conversion != -1:
            value = CONVERSIONS[node.conversion](value)
        return format(value, spec)

    # Comprehensions

    def value_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        return [self.value(node.elt) for _ in self.loops(node.generators)]

    value_GeneratorExp = value_ListComp

    def value_SetComp(self, node: ast.SetComp) -> set[Any]:
        return {self.key(node.elt) for _ in self.loops(node.generators)}

    def value_DictComp(self, node: ast.DictComp) -> dict[Any, Any]:
        return {self.key(node.key): self.value(node.value) for _ in self.loops(node.generators)}

    def loops(self, generators: list[ast.comprehension]) -> Iterator[None]:
        """Once for every turn of the loops, whose names exist only while they turn."""
        outside = self.names
        self.names = dict(outside)
        try:
            yield from self.turns(generators)
        finally:
            self.names = outside

    def turns(self, generators: list[ast.comprehension]) -> Iterator[None]:
        if not generators:
            yield None
            return
        first, *others = generators
        for item in self.walk(self.value(first.iter)):
            self.assign(first.target, item)
            if all(self.value(condition) for condition in first.ifs):
                yield from self.turns(others)

    # Calls

    def value_Call(self, node: ast.Call) -> Any:
        match node.func:
            case ast.Name(id=name) if name in FUNCTIONS and name not in self.names:
                return self.call_function(name, *self.arguments(node))
            case ast.Attribute(value=owner_node, attr=name):
                owner = self.value(owner_node)
                return self.call_method(owner, name, *self.arguments(node))
        return self.refuse(f"calling `{ast.unparse(node.func)[:80]}`")

    def arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        args = self.items(node.args)
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                kwargs.update(self.spread(value))
            else:
                kwargs[keyword.arg] = value
        return args, kwargs

    def call_function(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if name != "range":
            self.spend_on(*args, *kwargs.values())
        if name in ("dict", "set", "frozenset"):
            self.spend_on_items(args)
        if name == "sum" and not all(isinstance(item, (int, float, complex)) for item in self.walk(args[0])):
            self.refuse("the sum of anything but numbers")
        return FUNCTIONS[name](*args, **kwargs)

    def call_method(self, owner: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        kind = dict if isinstance(owner, ConfigDict) else type(owner)
        if name not in METHODS.get(kind, frozenset()) or (kind is dict and not hasattr(type(owner), name)):
            self.refuse(f"the method `{name}` of a {type(owner).__name__}")
        if isinstance(owner, str) and name in GROWING_TEXT_METHODS and growth(owner, name, args) > MAX_WEIGHT:
            self.refuse(f"a text of more than {MAX_WEIGHT:,} characters")
        self.spend_on(owner, *args, *kwargs.values())
        if kind in (dict, set):
            self.spend_on_items(args)
        result = getattr(type(owner), name)(owner, *args, **kwargs)
        return list(result) if name in ("items", "keys", "values") else result


def bits(op: ast.operator, left: int, right: int) -> int:
    """At most how many bits the result of an operator on whole numbers has."""
    match op:
        case ast.Pow():
            return left.bit_length() * max(right, 0)
        case ast.LShift():
            return left.bit_length() + max(right, 0)
        case ast.Mult():
            return left.bit_length() + right.bit_length()
    return max(left.bit_length(), right.bit_length())


def growth(text: str, name: str, args: list[Any]) -> int:
    """At most how long the result of a text method is."""
    match name, args:
        case "join", [parts]:
            return sum(len(part) + len(text) for part in parts if isinstance(part, str))
        case "replace", [str(), str() as new, *_]:
            return (len(text) + 1) * (len(new) + 1)
        case (("center" | "ljust" | "rjust" | "zfill"), [int() as width, *_]):
            return max(len(text), width)
    return len(text)
