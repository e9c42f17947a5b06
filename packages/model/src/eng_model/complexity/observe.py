"""Running a model and writing down which operators ran in which modules.

Operators are seen as they are called (`linear`, not the `addmm` that it becomes), which torch offers in inference mode.
The numbers are computed for real unless the model is on the meta device; the model is left as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from .operators import IGNORED, Handle

Handles = Mapping[str, Handle | None]
"""What each operator costs, by its full name; None for nothing."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of an operator: inside of which modules, and its amounts by name; None if nobody knows them."""

    name: str
    callers: tuple[str, ...]
    amounts: Mapping[str, float] | None


def observe(
    model: nn.Module, inputs: Any, handles: Handles, *, formulas: bool
) -> tuple[list[Operation], set[str]]:
    """The operators of one forward pass, and the names of the modules that ran.

    A mapping of inputs arrives as keywords, a tuple as positions, else it is the one input. `formulas` says whether
    what `handles` do not know is looked for in torch's own table.
    """
    callers: list[str] = []
    called: set[str] = set()
    observer = _Observer(handles, callers, formulas)
    with ExitStack() as stack:
        stack.enter_context(_as_it_was(model))
        stack.enter_context(_named_calls(model, callers, called))
        stack.enter_context(_whole_operators())
        stack.enter_context(torch.inference_mode())
        stack.enter_context(observer)
        if isinstance(inputs, Mapping):
            model(**inputs)
        else:
            model(*(inputs if isinstance(inputs, tuple) else (inputs,)))
    return observer.operations, called


class _Observer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no annotation there
    """Sees every operator before it runs."""

    def __init__(self, handles: Handles, callers: Sequence[str], formulas: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotation there
        self.operations: list[Operation] = []
        self._handles = handles
        self._callers = callers
        self._formulas = formulas

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.name().partition(".")[0]
        formula = flop_registry.get(func._overloadpacket) if self._formulas else None
        if name not in self._handles and formula is None and name not in IGNORED:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if name in self._handles:
            handle = self._handles[name]
            if handle is not None:
                self._note(name, handle(_given(func, args, kwargs), _tensors(result)))
        elif formula is not None:
            self._note(name, formula(*args, **kwargs, out_val=result) / 2)
        elif name not in IGNORED:
            self._note(name, None)
        return result

    def _note(self, name: str, amounts: Any) -> None:
        if amounts is not None and not isinstance(amounts, Mapping):
            amounts = Counter({name.partition("::")[2]: amounts})
        self.operations.append(Operation(name, tuple(self._callers), amounts))


def _given(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """All arguments in the order of the signature, with defaults for those that were left out."""
    rest = func._schema.arguments[len(args) :]
    return [*args, *(kwargs.get(argument.name, argument.default_value) for argument in rest)]


def _tensors(result: Any) -> list[Any]:
    return tree_leaves(result)


@contextmanager
def _named_calls(model: nn.Module, callers: list[str], called: set[str]) -> Iterator[None]:
    """Keep the names of the modules that are running, outermost first, in `callers`."""

    def enter(name: str) -> Any:
        def hook(*_: Any) -> None:
            callers.append(name)
            called.add(name)

        return hook

    def leave(*_: Any) -> None:
        callers.pop()

    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(enter(name)).remove)
            stack.callback(module.register_forward_hook(leave, always_call=True).remove)
        yield


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Undo what a forward pass does to buffers and to the random numbers of the CPU."""
    before: list[tuple[Tensor, Tensor]] = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, value in before:
                    buffer.copy_(value)


@contextmanager
def _whole_operators() -> Iterator[None]:
    """Attention by its parts: what is faster in evaluation is one operator for a whole layer."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
