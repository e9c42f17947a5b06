"""Adding up what was observed: by module, by operator, by both."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, cast

from torch import nn

from eng_registry import suggest

from .observe import Operation, observe
from .operators import Amount, Handle, activation_handles, flop_handles

_logger = logging.getLogger(__name__)


class ComplexityAnalysis:
    """What one forward pass costs, in the unit of its handles; it runs when the first number is asked for.

    Modules have their dotted names, `""` is the model. One that has several names is counted under its first.
    """

    _formulas = False

    def __init__(
        self, model: nn.Module, inputs: Any, handles: Mapping[str, Handle | None] | None = None
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._handles: dict[str, Handle | None] = dict(handles or {})
        self._mode: Literal["owner", "caller"] = "owner"
        self._warns = {"unsupported": True, "uncalled": True}
        self._observed: tuple[list[Operation], set[str]] | None = None

    def total(self, module_name: str = "") -> Amount:
        """The whole amount of a module."""
        return sum(self.by_operator(module_name).values())

    def by_operator(self, module_name: str = "") -> Counter[str]:
        """Amounts of a module by the short names of operators."""
        return self.by_module_and_operator()[self.canonical_module_name(module_name)]

    def by_module(self) -> Counter[str]:
        """Amounts of all modules, each with everything in it."""
        return Counter(
            {name: sum(amounts.values()) for name, amounts in self.by_module_and_operator().items()}
        )

    def by_module_and_operator(self) -> dict[str, Counter[str]]:
        """Amounts of all modules by the short names of operators."""
        sums: dict[str, Counter[str]] = {name: Counter() for name, _ in self._model.named_modules()}
        for operation in self._observe()[0]:
            for name in self._counted_in(operation):
                sums[name].update(operation.amounts or {})
        return sums

    def unsupported_ops(self, module_name: str = "") -> Counter[str]:
        """How often each operator ran whose cost is not known, by full name. Raises `RuntimeError` before any count."""
        if self._observed is None:
            raise RuntimeError("nothing has been counted yet: ask for `total()` first")
        name = self.canonical_module_name(module_name)
        return Counter(
            operation.name
            for operation in self._observed[0]
            if operation.amounts is None and name in self._counted_in(operation)
        )

    def uncalled_modules(self) -> set[str]:
        """Modules that did not run; containers without a `forward` are none of them."""
        called = self._observe()[1]
        return {
            name for name, module in self._model.named_modules() if name not in called and _can_run(module)
        }

    def canonical_module_name(self, name: str) -> str:
        """The first name of the module that is called so too. Raises `KeyError` for no module."""
        modules = dict(self._model.named_modules(remove_duplicate=False))
        if name not in modules:
            raise KeyError(f"there is no module `{name}`. {suggest(name, [*modules])}".rstrip())
        firsts: dict[int, str] = {id(module): first for first, module in self._model.named_modules()}
        return firsts[id(modules[name])]

    def set_op_handle(self, *args: Any, **kwargs: Handle | None) -> Self:
        """Say what operators cost: `set_op_handle("aten::add", handle, ...)`; None for nothing.

        Raises `TypeError` if a name has no handle.
        """
        if len(args) % 2:
            raise TypeError("names and handles come in pairs: set_op_handle(name, handle, name, handle, ...)")
        self._handles |= dict(zip(args[::2], args[1::2], strict=True)) | kwargs
        self._observed = None
        return self

    def clear_op_handles(self) -> Self:
        """Forget what every operator costs."""
        self._handles = {}
        self._formulas = False
        self._observed = None
        return self

    def copy(self, new_model: nn.Module | None = None, new_inputs: Any = None) -> Self:
        """The same analysis, of another model or other inputs if given."""
        other = copy.copy(self)
        other._model = self._model if new_model is None else new_model
        other._inputs = self._inputs if new_inputs is None else new_inputs
        other._handles = dict(self._handles)
        other._warns = dict(self._warns)
        other._observed = None
        return other

    def ancestor_mode(self, mode: str) -> Self:
        """Count an operator in the owners of the module it runs in ("owner"), or in those that called it ("caller")."""
        self._mode = cast(Literal["owner", "caller"], _one_of(mode, ("owner", "caller")))
        return self

    def unsupported_ops_warnings(self, enabled: bool) -> Self:
        """Whether operators of unknown cost are logged."""
        self._warns["unsupported"] = enabled
        return self

    def uncalled_modules_warnings(self, enabled: bool) -> Self:
        """Whether modules with parameters that did not run are logged."""
        self._warns["uncalled"] = enabled
        return self

    def tracer_warnings(self, mode: str) -> Self:
        """Without effect, for nothing is traced; `mode` is "all", "no_tracer_warning" or "none"."""
        _one_of(mode, ("all", "no_tracer_warning", "none"))
        return self

    def _observe(self) -> tuple[list[Operation], set[str]]:
        if self._observed is None:
            self._observed = observe(self._model, self._inputs, self._handles, formulas=self._formulas)
            self._warn()
        return self._observed

    def _warn(self) -> None:
        unsupported = self.unsupported_ops() if self._warns["unsupported"] else Counter()
        if unsupported:
            text = ", ".join(f"{name} ({count}x)" for name, count in sorted(unsupported.items()))
            _logger.warning("%s does not know what these operators cost: %s", type(self).__name__, text)
        with_weights = {
            name for name, module in self._model.named_modules() if any(True for _ in module.parameters())
        }
        uncalled = self.uncalled_modules() & with_weights if self._warns["uncalled"] else set()
        if uncalled:
            _logger.warning(
                "these modules did not run, so nothing in them is counted: %s", ", ".join(sorted(uncalled))
            )

    def _counted_in(self, operation: Operation) -> Iterable[str]:
        if self._mode == "caller":
            return {"", *operation.callers}
        return _with_owners(operation.callers[-1] if operation.callers else "")


class FlopAnalyzer(ComplexityAnalysis):
    """Multiply-adds of a forward pass.

    >>> import torch
    >>> flops = FlopAnalyzer(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), torch.ones(2, 8))
    >>> flops.total(), flops.by_module()["0"], flops.by_operator()
    (64, 64, Counter({'linear': 64}))
    """

    _formulas = True

    def __init__(self, model: nn.Module, inputs: Any) -> None:
        super().__init__(model, inputs, flop_handles())


class ActivationAnalyzer(ComplexityAnalysis):
    """Numbers that the convolutions and matrix products of a forward pass put out.

    >>> import torch
    >>> ActivationAnalyzer(nn.Linear(8, 4), torch.ones(2, 8)).total()
    8
    """

    def __init__(self, model: nn.Module, inputs: Any) -> None:
        super().__init__(model, inputs, activation_handles())
        self.unsupported_ops_warnings(False)


def flop_count(
    model: nn.Module, inputs: Any, supported_ops: Mapping[str, Handle | None] | None = None
) -> tuple[dict[str, float], Counter[str]]:
    """Billions of multiply-adds by operator, and how often operators ran whose cost is not known.

    `supported_ops` says what further operators cost, or other than by default.
    """
    return _count(FlopAnalyzer(model, inputs), supported_ops, 1e9)


def activation_count(
    model: nn.Module, inputs: Any, supported_ops: Mapping[str, Handle | None] | None = None
) -> tuple[dict[str, float], Counter[str]]:
    """Millions of activations by operator, and how often operators ran that are not counted."""
    return _count(ActivationAnalyzer(model, inputs), supported_ops, 1e6)


def _count(
    analysis: ComplexityAnalysis, supported_ops: Mapping[str, Handle | None] | None, unit: float
) -> tuple[dict[str, float], Counter[str]]:
    for name, handle in (supported_ops or {}).items():
        analysis.set_op_handle(name, handle)
    amounts = {name: amount / unit for name, amount in analysis.by_operator().items()}
    return amounts, analysis.unsupported_ops()


def _with_owners(name: str) -> list[str]:
    """`a.b.c`, `a.b`, `a` and the model."""
    owners = [name]
    while name:
        name = name.rpartition(".")[0]
        owners.append(name)
    return owners


def _can_run(module: nn.Module) -> bool:
    return getattr(type(module).forward, "__name__", "") != "_forward_unimplemented"


def _one_of(mode: str, modes: tuple[str, ...]) -> str:
    if mode not in modes:
        raise ValueError(f"mode={mode!r} is not one of {modes}. {suggest(str(mode), [*modes])}".rstrip())
    return mode
