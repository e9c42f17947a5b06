"""Optimizer steps that do not happen where a gradient is infinite or NaN.

Whether it is so is known to the device long before the host may ask, so each step is taken, and undone on the device.
Fused optimizers that skip by themselves, as they do for a GradScaler, are given the flag instead.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from torch.optim import Optimizer

from eng_optim.norm import total_norm
from eng_optim.snapshot import Snapshot, Undo
from eng_optim.wrapper import OptimWrapper
from eng_optim.wrapper_dict import OptimWrapperDict


def guard_steps(wrapper: OptimWrapper) -> "StepGuard":
    """Skip every step of the wrapper, or of the members of several, whose gradients are not all finite.

    A skipped step changes neither parameters nor the optimizer's state nor its counters, for any optimizer, as if the
    window had not been. The host does not wait for the device. It learns of it in `read`, which corrects `step_count`.

    While a step runs there is a second copy of the parameters and of the optimizer's state: three times the size of the
    parameters for AdamW, twice for SGD with momentum. Fused optimizers (`fused=True`) skip by themselves and need none.

    Steps that a GradScaler skips are its own affair, and are not counted here.

    >>> from torch import nn
    >>> from torch.optim import AdamW
    >>> weight = nn.Parameter(torch.ones(1))
    >>> wrapper = OptimWrapper(AdamW([weight], lr=0.1))
    >>> with guard_steps(wrapper) as guard:
    ...     wrapper.update_params((weight * float("nan")).sum())
    ...     guard.read()
    (1, 1)
    >>> weight.item(), wrapper.step_count
    (1.0, 0)
    """
    return StepGuard(wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper])


class StepGuard:
    """What `guard_steps` returns: how many steps were skipped. As a context it is removed at the end."""

    def __init__(self, wrappers: Any) -> None:
        self._watches = [_Watch(wrapper) for wrapper in wrappers]

    def read(self) -> tuple[int, int]:
        """Return how many steps were skipped in all, and the most in a row since this was asked last.

        Those in a row may have begun before. Waits for the device, once. `step_count` then counts the steps that were
        taken.
        """
        read = _read([watch.counts for watch in self._watches])
        for watch, (skipped, _, _) in zip(self._watches, read, strict=True):
            watch.correct(skipped)
            watch.look_anew()
        return sum(skipped for skipped, _, _ in read), max((longest for _, _, longest in read), default=0)

    def remove(self) -> None:
        """Stop looking, and let `step_count` count the steps that were taken."""
        for watch in self._watches:
            watch.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class _Watch:
    """The steps of one optimizer."""

    def __init__(self, wrapper: OptimWrapper) -> None:
        self._wrapper = wrapper
        self._optimizer = optimizer = wrapper.optimizer
        self._flag: Tensor | None = None
        self._snapshot: Snapshot | None = None
        self._late: tuple[_Later, list[Undo]] | None = None
        self._corrected = 0
        self.counts: Tensor | None = None
        """Steps that were skipped: in all, in a row now, and the most in a row."""
        self._handles: list[Any] = [
            optimizer.register_state_dict_pre_hook(self._before_state),
            optimizer.register_load_state_dict_pre_hook(self._before_state),
        ]
        self._step = vars(optimizer).get("step")
        if self._step is None:
            self._handles.append(optimizer.register_step_pre_hook(self._before))
            self._handles.append(optimizer.register_step_post_hook(self._after))
        else:  # compiled: a hook would be compiled with it
            optimizer.step = self._guarded  # type: ignore[method-assign]

    def correct(self, skipped: int) -> None:
        """Let the wrapper count the steps that were taken, now that it is known how many were skipped."""
        self._settle()
        self._wrapper.step_count -= skipped - self._corrected
        self._corrected = skipped

    def look_anew(self) -> None:
        """Count the most in a row from here on."""
        if self.counts is not None:
            self.counts[2].copy_(self.counts[1])

    def remove(self) -> None:
        """Stop looking, once the last step is what it should be."""
        self._before_state()
        for handle in self._handles:
            handle.remove()
        if self._step is not None:
            self._optimizer.step = self._step  # type: ignore[method-assign]

    def _guarded(self, *args: Any, **kwargs: Any) -> Any:
        assert self._step is not None
        self._before()
        result = self._step(*args, **kwargs)
        self._after()
        return result

    @torch.no_grad()
    def _before(self, *_: Any) -> None:
        self._settle()
        self._flag = None
        optimizer: Any = self._optimizer
        gradients = _gradients(optimizer)
        if (
            not gradients or getattr(optimizer, "found_inf", None) is not None
        ):  # set by a GradScaler, which skips
            return
        self._flag = ~torch.isfinite(total_norm(gradients, float("inf")))
        if _skips_by_itself(optimizer):
            optimizer.grad_scale, optimizer.found_inf = None, self._flag.float()
        else:
            self._snapshot = Snapshot(optimizer)

    @torch.no_grad()
    def _after(self, *_: Any) -> None:
        flag, snapshot = self._flag, self._snapshot
        self._snapshot = None
        if flag is None:
            return
        if snapshot is None:
            optimizer: Any = self._optimizer
            del optimizer.grad_scale, optimizer.found_inf
        else:
            is_late = not _is_at_hand(flag)
            undo = snapshot.restore(flag, is_late=is_late)
            if undo:
                self._late = (_Later(flag), undo)
                if not is_late:
                    self._settle()
        self._count(flag)

    def _count(self, flag: Tensor) -> None:
        if self.counts is None:
            self.counts = torch.zeros(3, dtype=torch.int64, device=flag.device)
        skipped, streak, longest = self.counts.unbind()
        skipped.add_(flag)
        streak.add_(1).mul_(flag)
        torch.maximum(longest, streak, out=longest)

    def _settle(self) -> None:
        """Undo what is left of the last step, if it was to be skipped; by now the device has long said so."""
        late, self._late = self._late, None
        if late is not None and late[0].get():
            for undo in late[1]:
                undo()

    def _before_state(self, *_: Any) -> None:
        """Let a state be that of the steps that were taken."""
        self.correct(_read([self.counts])[0][0])


class _Later:
    """A flag of the device that the host reads when it is there."""

    def __init__(self, flag: Tensor) -> None:
        self._host = flag.to("cpu", non_blocking=True)
        self._event: torch.Event | None = None
        if flag.device.type not in ("cpu", "meta"):
            self._event = torch.Event(flag.device)
            self._event.record()

    def get(self) -> bool:
        """Return it; the host waits only if the device is a whole iteration behind."""
        if self._event is not None:
            self._event.synchronize()
        return bool(self._host)


def _read(counts: Sequence[Tensor | None]) -> list[list[int]]:
    """Return the numbers of all counts, read at once where they are on one device."""
    there = [each for each in counts if each is not None]
    if not there:
        return [[0, 0, 0] for _ in counts]
    device = there[0].device
    zeros = torch.zeros(3, dtype=torch.int64, device=device)
    read: list[list[int]] = torch.stack(
        [zeros if each is None else each.to(device) for each in counts]
    ).tolist()
    return read


def _is_at_hand(flag: Tensor) -> bool:
    """Whether the host can read the flag without waiting for a device."""
    return flag.device.type == "cpu"


def _gradients(optimizer: Optimizer) -> list[Tensor]:
    """Return all gradients; of a sparse one the values that it has."""
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    return [each._values() if each.is_sparse else each for each in gradients]


def _skips_by_itself(optimizer: Optimizer) -> bool:
    """Whether the next step of a fused optimizer leaves everything as it is where a flag says so.

    The first step makes the state, which a skipped one would leave without values.
    """
    if not getattr(optimizer, "_step_supports_amp_scaling", False):
        return False
    state: Any = optimizer.state
    used = (p for group in optimizer.param_groups for p in group["params"] if p.grad is not None)
    return all(
        bool(state.get(each)) and all(part is not None for part in state[each].values()) for each in used
    )
