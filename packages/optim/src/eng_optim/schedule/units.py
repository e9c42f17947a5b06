"""Counts of a schedule as strings with a unit: '10 steps', '2 epochs', '500 iters'.

A schedule counts in one unit, since it is stepped once in each. What `unit` a configuration has can be asked before
the schedule is built.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from eng_optim.errors import SettingError
from eng_registry import PARAM_SCHEDULERS

Unit = Literal["epoch", "iter", "step"]

Count: TypeAlias = int | str
"""A number in the unit of the schedule, or a string such as '10 steps', which gives the unit."""

_WORDS: dict[str, Unit] = {
    "epoch": "epoch",
    "ep": "epoch",
    "iteration": "iter",
    "iter": "iter",
    "it": "iter",
    "step": "step",
}
_SCALES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_COUNT = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE]\+?\d+)?)\s*([kKmMgG]?)\s*([a-zA-Z]+)\s*")


def parse_count(text: str) -> tuple[float, Unit]:
    """Return the number and the unit that `text` gives.

    Raises `SettingError` for anything else, and for a part of an iteration or step.

    >>> parse_count("2k iters"), parse_count("0.5 epochs"), parse_count("10steps")
    ((2000, 'iter'), (0.5, 'epoch'), (10, 'step'))
    """
    match = _COUNT.fullmatch(text)
    word = "" if match is None else match[3].lower()
    unit = _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
    if match is None or unit is None:
        raise SettingError(
            f"{text!r} is not a count of a schedule; write a number and one of epochs, iters, steps: '10 steps', "
            "'2 epochs', '5k iters'"
        )
    number = float(match[1]) * _SCALES[match[2].lower()]
    if number == int(number):
        return int(number), unit
    if unit != "epoch":
        raise SettingError(
            f"{text!r} is a part of {'an iteration' if unit == 'iter' else 'a step'}; give a whole number"
        )
    return number, unit


def in_one_unit(arguments: Mapping[str, Any], counts: Sequence[str]) -> tuple[dict[str, Any], Unit | None]:
    """Return `arguments` with numbers for strings and `by_epoch` as they say, and their unit; None without strings.

    `counts` are the names of those that count, besides `begin` and `end`. A number without a unit counts in the unit
    of the others. Those of a schedule in `then` count as well.

    Raises `SettingError`, with both places, if the units differ or `by_epoch` contradicts them.

    >>> in_one_unit({"begin": "1 epoch", "T_max": "4 epochs"}, ["T_max"])
    ({'begin': 1, 'T_max': 4, 'by_epoch': True}, 'epoch')
    """
    places = list(_texts(arguments, counts))
    if not places:
        return dict(arguments), None
    (first, text), *others = places
    unit = parse_count(text)[1]
    for name, other in others:
        if parse_count(other)[1] != unit:
            raise SettingError(
                f"a schedule counts in one unit: `{first}` is {text!r}, and `{name}` is {other!r}; give both in the "
                "same unit, or make two schedules of it"
            )
    by_epoch = unit == "epoch"
    if arguments.get("by_epoch", by_epoch) != by_epoch:
        raise SettingError(
            f"`by_epoch={arguments['by_epoch']}` contradicts `{first}`, which is {text!r}; leave `by_epoch` out"
        )
    return {**_in_numbers(arguments, counts), "by_epoch": by_epoch}, unit


def check_whole(given: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    """Raise `SettingError` if a string of `given` is a part of an epoch, as `numbers` have it."""
    for name, text in given.items():
        if isinstance(text, Mapping):
            counting = {"begin", "end", *counts_of(text)} & text.keys()
            check_whole({inner: text[inner] for inner in counting}, numbers[name])
            continue
        pairs = (
            zip(text, numbers[name], strict=True)
            if isinstance(text, list | tuple)
            else [(text, numbers[name])]
        )
        for each, number in pairs:
            if isinstance(each, str) and number != int(number):
                raise SettingError(
                    f"`{name}` is {each!r}, and a schedule of epochs is stepped after whole epochs; count its "
                    "iterations with `convert_to_iter_based=True`"
                )


def unit_of(arguments: Mapping[str, Any], counts: Sequence[str]) -> Unit:
    """Return the unit in which a schedule with these arguments counts.

    >>> unit_of({"by_epoch": False}, []), unit_of({"end": "9 steps"}, [])
    ('iter', 'step')
    """
    found = in_one_unit(arguments, counts)[1]
    return found or ("epoch" if arguments.get("by_epoch", True) else "iter")


def _texts(arguments: Mapping[str, Any], counts: Sequence[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the string of each count that is one."""
    for name in dict.fromkeys(("begin", "end", *counts)):
        value = arguments.get(name)
        if isinstance(value, str):
            yield path + name, value
        elif isinstance(value, list | tuple):
            yield from ((f"{path}{name}[{at}]", one) for at, one in enumerate(value) if isinstance(one, str))
    then = arguments.get("then")
    if isinstance(then, Mapping):
        yield from _texts(then, counts_of(then), f"{path}then.")


def _in_numbers(arguments: Mapping[str, Any], counts: Sequence[str]) -> dict[str, Any]:
    changed = dict(arguments)
    for name in dict.fromkeys(("begin", "end", *counts)):
        value = arguments.get(name)
        if isinstance(value, list | tuple):
            changed[name] = [_number(one) for one in value]
        elif isinstance(value, str):
            changed[name] = _number(value)
    then = arguments.get("then")
    if isinstance(then, Mapping):
        changed["then"] = _in_numbers(then, counts_of(then))
    return changed


def _number(value: Any) -> Any:
    return parse_count(value)[0] if isinstance(value, str) else value


def kind_of(cfg: Mapping[str, Any]) -> Any:
    """Return the class of schedules that the `type` of a configuration names; None if there is none."""
    kind = cfg.get("type")
    if not isinstance(kind, str):
        return kind
    with PARAM_SCHEDULERS.switch_scope_and_registry(cfg.get("_scope_")) as registry:
        return registry.get(kind)


def counts_of(cfg: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of what counts, besides `begin` and `end`, in the configuration of a schedule."""
    return getattr(kind_of(cfg), "counts", ())
