"""The hooks of a run in their order, how the methods of a point are bound, and which hook is to blame for an exception.

The methods of a point are bound once per stage: a hook that does not override a point is not called there at all, so
an empty point costs nothing and shows nothing in a trace.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from traceback import walk_tb

from .aliases import HookCall, Value
from .hook import Hook, Priority, get_priority, misspelled_points, overrides
from .run import Run

_log = logging.getLogger(__name__)


class Hooks:
    """The hooks of a run, ordered by priority, then by registration."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, Hook]] = []

    def register(self, hook: Hook, priority: int | str | Priority | None = None) -> None:
        """Insert a hook after all those of the same or a smaller number."""
        for name, meant in misspelled_points(hook).items():
            _log.warning("%s.%s is called by no loop; did you mean `%s`?", type(hook).__name__, name, meant)
        number = get_priority(hook.priority if priority is None else priority)
        if priority is not None:
            hook.priority = priority
        at = len(self._entries)
        while at and self._entries[at - 1][0] > number:
            at -= 1
        self._entries.insert(at, (number, hook))

    def bind(self, point: str, runner: Run) -> tuple[HookCall, ...]:
        """The methods to call at a point, in order: only of hooks that override it and want to take part."""
        return tuple(
            getattr(hook, point)
            for _, hook in self._entries
            if hasattr(hook, point) and overrides(hook, point) and hook.takes_part(point, runner)
        )

    def call(self, point: str, runner: Run, **arguments: Value) -> None:
        """Call a point of all hooks now; hooks without such a method are passed over."""
        for method in self.bind(point, runner):
            method(runner, **arguments)

    def blame(self, exception: BaseException) -> None:
        """Name the hook that an exception comes from, in a note."""
        ours = {id(hook) for hook in self}
        frames = [frame for frame, _ in walk_tb(exception.__traceback__)]
        within = [frame for frame in frames if id(frame.f_locals.get("self")) in ours]
        if within:
            name, point = type(within[-1].f_locals["self"]).__name__, within[-1].f_code.co_name
            exception.add_note(f"This happened in {name}.{point}, a hook.")

    def tell_of(self, exception: BaseException, runner: Run) -> None:
        """Let every hook hear that a run ends by an exception.

        One that fails in this, too, does not keep the others from hearing, nor hides the first exception.
        """
        for method in self.bind("on_exception", runner):
            try:
                method(runner, exception=exception)
            except Exception as own:
                name = type(getattr(method, "__self__", method)).__name__
                exception.add_note(f"{name}.on_exception failed after that: {type(own).__name__}: {own}")

    def named(self) -> dict[str, Hook]:
        """The hooks under unique names: the class name, with `.2`, `.3` ... for further ones of a class."""
        names: dict[str, Hook] = {}
        for _, hook in self._entries:
            stem = name = type(hook).__name__
            count = 1
            while name in names:
                count += 1
                name = f"{stem}.{count}"
            names[name] = hook
        return names

    def table(self) -> str:
        """Which hook is called at which point, as text."""
        lines = []
        for point in Hook.stages:
            rows = [(number, hook) for number, hook in self._entries if overrides(hook, point)]
            if rows:
                lines.append(f"{point}:")
                lines += [f"    {_priority_name(number):<12} {type(hook).__name__}" for number, hook in rows]
        return "\n".join(lines)

    def __iter__(self) -> Iterator[Hook]:
        return (hook for _, hook in self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _priority_name(number: int) -> str:
    try:
        return Priority(number).name
    except ValueError:
        return str(number)
