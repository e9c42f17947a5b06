"""The evaluator for Python files that are not trusted: settings are computed, and nothing else can be reached.

The syntax tree is walked; Python never runs it. What is not named here does not exist: no import, no function of
the file, no attribute but the keys of dictionaries and the listed methods, no call but of the listed functions.
Steps, sizes and seconds are bounded before they are spent.
"""

from __future__ import annotations

import ast
import builtins
import operator
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ..bounds import MAX_SECONDS, MAX_STEPS, Budget, weigh
from ..errors import ConfigError, ConfigEvaluationError, UntrustedConfigError
from ..node import ConfigDict
from ..origin import Origin
from ..suggestion import suggest
from .recompute import overlay

__all__ = ["evaluate"]

MAX_SIZE = 1_000_000
MAX_BITS = 10_000
MAX_WIDTH = 1_000

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "bool": bool,
    "dict": dict,
    "enumerate": lambda *args: list(enumerate(*args)),
    "float": float,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": range,
    "set": set,
    "frozenset": frozenset,
    "complex": complex,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
    "zip": lambda *args, strict=False: list(zip(*args, strict=strict)),
}


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEXT_METHODS = words(
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier islower "
    "isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind rindex rpartition "
    "rsplit rstrip split splitlines startswith strip swapcase title upper"
)
GROWING_TEXT_METHODS = words("center join ljust replace rjust zfill")
METHODS: dict[type, frozenset[str]] = {
    str: TEXT_METHODS | GROWING_TEXT_METHODS,
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
CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("a"): ascii, ord("r"): repr, ord("s"): str}
#: statements that are not called as their class is
KEYWORDS = {"AsyncFunctionDef": "async def", "ClassDef": "class", "FunctionDef": "def", "TryStar": "try"}
SIGNS: dict[type, Callable[[Any], Any]] = {
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def evaluate(
    tree: ast.Module,
    file: str,
    names: dict[str, Any],
    overrides: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """The names that the file assigns, given these names; `overrides` are put in after each statement.
    The steps and seconds that it takes are taken from `budget`.

    Raises `UntrustedConfigError` with the line for everything that is not allowed or has no end in sight, and
    `ConfigEvaluationError` for an error of the file itself.

    >>> evaluate(ast.parse("sizes = [32 * n for n in range(1, 4)]"), "cfg.py", {})
    {'sizes': [32, 64, 96]}
    """
    budget = budget or Budget()
    evaluator = Evaluator(file, dict(names), budget)
    try:
        for statement in tree.body:
            evaluator.run(statement)
            overlay(evaluator.names, overrides or {})
    except ConfigError as error:
        if error.origin is None:
            error.origin = Origin(file, evaluator.line)
        raise
    except RecursionError as error:
        raise UntrustedConfigError(
            "the expression is nested too deeply; " + ADVICE, origin=Origin(file, evaluator.line)
        ) from error
    except Exception as error:
        raise ConfigEvaluationError(
            f"the file raised {type(error).__name__}: {error}", origin=Origin(file, evaluator.line)
        ) from error
    finally:
        budget.seconds = evaluator.deadline - time.monotonic()
    return {name: value for name, value in evaluator.names.items() if name not in names}


ADVICE = "write it out, or read the file with `trust=True` if it is yours"


class Evaluator:
    """Names and what is left of the allowance, while a file is walked."""

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
        """Take steps from the allowance."""
        self.budget.steps -= steps
        if self.budget.steps < 0 or time.monotonic() > self.deadline:
            self.refuse(f"a computation of more than {MAX_STEPS:,} steps or {MAX_SECONDS:g} seconds")

    def spend_on(self, *values: Any) -> None:
        """Take as many steps as walking through the values takes."""
        for value in values:
            weight = weigh(value, MAX_SIZE)
            if weight > MAX_SIZE:
                self.refuse(f"a value of more than {MAX_SIZE:,} parts")
            self.spend(weight)

    def spend_on_keys(self, keys: Iterable[Any]) -> None:
        """Take as many steps as putting these keys into a dictionary or set takes.

        A key is compared with all others of the same hash. The hash of a text is salted, that of a number
        can be chosen.
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
        """Take the steps for keys out of arguments: the arguments, what is in them, and the first of every pair."""
        self.spend_on_keys(args)
        for arg in args:
            if isinstance(arg, (list, tuple, set, frozenset, range, dict)):
                self.spend_on_keys(arg)
                self.spend_on_keys(part[0] for part in arg if isinstance(part, (list, tuple)) and part)

    # Statements

    def run(self, node: ast.stmt) -> None:
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
                self.run_all(body if self.value(test) else orelse)
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                for item in self.walk(self.value(iterable)):
                    self.assign(target, item)
                    self.run_all(body)
                self.run_all(orelse)
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

    def run_all(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.run(statement)

    def assign(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                if name[:2] == "__":
                    self.refuse(f"the name `{name}`")
                self.names[name] = value
            case ast.Subscript(value=owner, slice=key):
                container = self.value(owner)
                if not isinstance(container, (dict, list)):
                    self.refuse(f"assigning inside of a {type(container).__name__}")
                where = self.key(key)
                self.spend_on(container if isinstance(where, slice) else None, value)
                container[where] = value
            case ast.Attribute(value=owner, attr=key):
                self.spend_on(value)  # `_base_` copies what it is given
                self.keyed(self.value(owner), key)[key] = value
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
            case ast.Subscript(value=owner, slice=key):
                container = self.value(owner)
                if not isinstance(container, (dict, list)):
                    self.refuse(f"deleting inside of a {type(container).__name__}")
                del container[self.key(key)]
            case ast.Attribute(value=owner, attr=key):
                del self.keyed(self.value(owner), key)[key]
            case _:
                self.refuse("this deletion")

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
        near = suggest(node.id, [*self.names, *FUNCTIONS])
        raise ConfigEvaluationError(f"the name `{node.id}` is not defined{near}")

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
            if len(repeated) * max(count, 0) > MAX_SIZE:
                self.refuse(f"a value of more than {MAX_SIZE:,} parts")
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
        return slice(
            *[self.value(part) if part is not None else None for part in (node.lower, node.upper, node.step)]
        )

    def value_Attribute(self, node: ast.Attribute) -> Any:
        return self.keyed(self.value(node.value), node.attr)[node.attr]

    def value_JoinedStr(self, node: ast.JoinedStr) -> str:
        text = "".join([self.value(part) for part in node.values])
        self.spend(len(text))
        return text

    def value_FormattedValue(self, node: ast.FormattedValue) -> str:
        value = self.value(node.value)
        spec = self.value(node.format_spec) if node.format_spec is not None else ""
        if (
            any(int(number) > MAX_WIDTH for number in re.findall(r"\d+", spec[:MAX_WIDTH]))
            or len(spec) > MAX_WIDTH
        ):
            self.refuse(f"a text formatted to a width of more than {MAX_WIDTH:,}")
        self.spend_on(value)
        if node.conversion != -1:
            value = CONVERSIONS[node.conversion](value)
        return format(value, spec)

    # Comprehensions

    def value_ListComp(self, node: ast.ListComp) -> list[Any]:
        return [self.value(node.elt) for _ in self.loops(node.generators)]

    def value_SetComp(self, node: ast.SetComp) -> set[Any]:
        return {self.key(node.elt) for _ in self.loops(node.generators)}

    def value_GeneratorExp(self, node: ast.GeneratorExp) -> list[Any]:
        return [self.value(node.elt) for _ in self.loops(node.generators)]

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
                function = FUNCTIONS[name]
                args, kwargs = self.arguments(node)
                if name != "range":
                    self.spend_on(*args, *kwargs.values())
                if name in ("dict", "set", "frozenset"):
                    self.spend_on_items(args)
                if name == "sum" and not all(
                    isinstance(item, (int, float, complex)) for item in self.walk(args[0])
                ):
                    self.refuse("the sum of anything but numbers")
                return function(*args, **kwargs)
            case ast.Attribute(value=owner_node, attr=name):
                owner = self.value(owner_node)
                args, kwargs = self.arguments(node)
                return self.call_method(owner, name, args, kwargs)
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

    def call_method(self, owner: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        kind = dict if isinstance(owner, ConfigDict) else type(owner)
        if name not in METHODS.get(kind, frozenset()) or (kind is dict and not hasattr(type(owner), name)):
            self.refuse(f"the method `{name}` of a {type(owner).__name__}")
        if isinstance(owner, str) and name in GROWING_TEXT_METHODS and growth(owner, name, args) > MAX_SIZE:
            self.refuse(f"a text of more than {MAX_SIZE:,} characters")
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
