"""What keeps the members of an OptimWrapperDict apart: a step holds the gradients of its own window.

A backward pass adds to the gradient of every parameter that it reaches. In adversarial training the loss of the
generator reaches the discriminator, whose next step would hold the sum. The gradients of the other members are
therefore put aside before a member's backward pass and put back after it; what it left to them in between is dropped.
`backward(inputs=...)` would not reach them at all, but DistributedDataParallel waits for every parameter of a forward
pass, and leaves gradients unaveraged without it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, distributed
from torch.optim import Optimizer


class Member(Protocol):
    """What is asked of an optimizer wrapper."""

    optimizer: Optimizer


@dataclass(frozen=True, slots=True)
class _Reach:
    """The parameters that one member has together with others, and those that only others have."""

    shared: frozenset[Tensor]
    foreign: tuple[Tensor, ...]


class Peers:
    """The gradients of several optimizers, each kept from the backward passes of the others.

    A parameter of several members has one gradient for each of them. Its `.grad` is that of the member whose backward
    pass or step came last, until that member forgets its gradients. What a backward pass outside of the members then
    adds belongs to the member that comes next.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = list(members)
        self._reaches: dict[int, _Reach] = {}
        self._counted = -1
        self._active: Member | None = None
        self._holders: dict[Tensor, Member] = {}
        self._aside: dict[tuple[int, Tensor], Tensor] = {}

    @contextmanager
    def aside(self, member: Member) -> Iterator[None]:
        """Keep the gradients of all others as they are while `member` computes its own."""
        if self._active is member:  # `backward` inside of `update_params`
            yield
            return
        self.take(member)
        foreign = self._reach(member).foreign
        kept = [_safe(each.grad) for each in foreign]
        for parameter in foreign:
            parameter.grad = None
        self._active = member
        try:
            yield
        finally:
            self._active = None
            for parameter, gradient in zip(foreign, kept, strict=True):
                parameter.grad = gradient

    def take(self, member: Member) -> None:
        """Put the gradients of `member` into `.grad` of the parameters that it shares with others."""
        for parameter in self._reach(member).shared:
            holder = self._holders.get(parameter)
            if holder is member:
                continue
            if holder is not None:
                self._put_aside(holder, parameter, _safe(parameter.grad))
                parameter.grad = None
            own = self._aside.pop((id(member), parameter), None)
            if own is not None:
                parameter.grad = own if parameter.grad is None else own + parameter.grad
            self._holders[parameter] = member

    def release(self, member: Member) -> None:
        """Note that `member` has forgotten its gradients."""
        for parameter in self._reach(member).shared:
            if self._holders.get(parameter) is member:
                del self._holders[parameter]

    def gradient(self, member: Member, parameter: Tensor) -> Tensor | None:
        """Return the gradient that `member` has of the parameter."""
        if self._holders.get(parameter, member) is member:
            return self._aside.get((id(member), parameter), parameter.grad)
        return self._aside.get((id(member), parameter))

    def set_gradient(self, member: Member, parameter: Tensor, gradient: Tensor | None) -> None:
        """Set the gradient that `member` has of the parameter."""
        if parameter in self._reach(member).shared and self._holders.get(parameter) is not member:
            self._put_aside(member, parameter, gradient)
        else:
            parameter.grad = gradient

    def _put_aside(self, member: Member, parameter: Tensor, gradient: Tensor | None) -> None:
        if gradient is None:
            self._aside.pop((id(member), parameter), None)
        else:
            self._aside[id(member), parameter] = gradient

    def _reach(self, member: Member) -> _Reach:
        counted = sum(len(group["params"]) for each in self._members for group in each.optimizer.param_groups)
        if counted != self._counted:  # the first time, and after a group was added
            self._counted = counted
            self._reaches = {id(each): self._find_reach(each) for each in self._members}
        return self._reaches[id(member)]

    def _find_reach(self, member: Member) -> _Reach:
        own = set(parameters_of(member))
        others = dict.fromkeys(p for each in self._members if each is not member for p in parameters_of(each))
        return _Reach(
            shared=frozenset(each for each in others if each in own),
            foreign=tuple(each for each in others if each not in own),
        )


def parameters_of(member: Member) -> Sequence[Tensor]:
    """Return the parameters of an optimizer in its order, those that are frozen at present included."""
    return [parameter for group in member.optimizer.param_groups for parameter in group["params"]]


def _safe(gradient: Tensor | None) -> Tensor | None:
    """Return the gradient itself, or a copy if it is a part of a buffer that another backward pass may fill.

    DistributedDataParallel with `gradient_as_bucket_view` reduces the next gradients in the memory of these.
    """
    if (
        gradient is not None
        and gradient._is_view()
        and distributed.is_available()
        and distributed.is_initialized()
    ):
        return gradient.clone()
    return gradient
