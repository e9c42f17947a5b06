"""What an optimizer step may change, as it was before: parameters, state, and the numbers of the groups.

A step is undone where a flag on the device says so, without asking the device: tensors are chosen there. What lives in
Python, such as a counter or an entry of the state that did not exist before, can only be undone once the flag is known
to the host; `restore` returns it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from eng_optim.shards import part_of

Undo: TypeAlias = Callable[[], object]

_ABSENT = object()
_NUMBERS = (bool, int, float, complex, str)
_PLAIN = (Tensor, nn.Parameter)
_FIXED = ("params", "param_names")


class Snapshot:
    """Copies of all that a step of `optimizer` may change.

    It takes as much memory as the parameters that have a gradient and the optimizer's state, until it is dropped.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        inner: Any = getattr(
            optimizer, "optim", None
        )  # a ZeroRedundancyOptimizer leaves the state to another one
        self._contents: list[_Content] = []
        for each in [optimizer, *[inner] * isinstance(inner, Optimizer)]:
            self._add(each.state)
            for group in each.param_groups:
                self._add(group)
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        tensors = [*parameters, *(tensor for content in self._contents for tensor in content.tensors())]
        self._tensors = {id(each): each for each in tensors}  # held, so that the numbers stay theirs
        self._parts = [part_of(each).detach() for each in self._tensors.values()]
        self._copies = dict(zip(self._tensors, _copies(self._parts), strict=True))

    @torch.no_grad()
    def restore(self, flag: Tensor, *, is_late: bool) -> list[Undo]:
        """Undo the step where `flag`, a bool without dimensions, is true; return what is left for the host to undo.

        `is_late` says that the host would have to wait for the flag. It does so only for tensors of which `flag` knows
        nothing and which the next forward pass needs: those of a CPU offload.
        """
        chosen = _Choice(flag)
        late: list[Undo] = []
        for part, copy in zip(self._parts, self._copies.values(), strict=True):
            if is_late and part.dim() == 0 and part.device.type == "cpu":  # a counter that the host reads
                late.append(partial(part.copy_, copy))
            else:
                chosen.put(copy, part)
        for content in self._contents:
            late += content.changes(self._copies, chosen)
        return late

    def _add(self, content: dict[Any, Any] | list[Any]) -> None:
        self._contents.append(_Content(content))
        for value in _items(content).values():
            if type(value) in (dict, list):
                self._add(value)


class _Choice:
    """Puts old values in place of new ones where a flag is true, on each device."""

    def __init__(self, flag: Tensor) -> None:
        self._flag = flag
        self._flags = {flag.device: flag}

    def put(self, copy: Tensor, part: Tensor) -> None:
        """Put `copy` into `part` where the flag is true."""
        if part.device not in self._flags:
            self._flags[part.device] = self._flag.to(part.device, non_blocking=part.device.type != "cpu")
        flag = self._flags[part.device]
        if type(part) in _PLAIN:
            torch.where(flag, copy, part, out=part)
        elif flag.item():  # the state of a quantised optimizer, which has no `where`
            part.copy_(copy)


class _Content:
    """A mapping or list, and what was in it."""

    def __init__(self, content: dict[Any, Any] | list[Any]) -> None:
        self._content = content
        self._before = _items(content)

    def tensors(self) -> Iterator[Tensor]:
        """Yield the tensors that were in it."""
        for value in self._before.values():
            if isinstance(value, Tensor):
                yield value
            elif isinstance(value, tuple):
                yield from (each for each in value if isinstance(each, Tensor))

    def changes(self, copies: dict[int, Tensor], chosen: _Choice) -> list[Undo]:
        """Return how to put back what was replaced, added or removed; of a tensor in place of another is chosen."""
        now = _items(self._content)
        undo: list[Undo] = []
        for key in {**self._before, **now}:
            old, new = self._before.get(key, _ABSENT), now.get(key, _ABSENT)
            if _is_same(old, new):
                continue
            if isinstance(old, Tensor) and isinstance(new, Tensor) and _are_alike(copies[id(old)], new):
                chosen.put(copies[id(old)], part_of(new).detach())
            else:
                undo.append(partial(_put_back, self._content, key, old))
        if undo and isinstance(self._content, list):  # as a whole: it may have another length
            return [partial(self._content.__setitem__, slice(None), list(self._before.values()))]
        return undo


def _items(content: dict[Any, Any] | list[Any]) -> dict[Any, Any]:
    if isinstance(content, list):
        return dict(enumerate(content))
    return {key: value for key, value in content.items() if not (isinstance(key, str) and key in _FIXED)}


def _is_same(old: Any, new: Any) -> bool:
    return old is new or (isinstance(old, _NUMBERS) and isinstance(new, _NUMBERS) and old == new)


def _are_alike(copy: Tensor, new: Tensor) -> bool:
    part = part_of(new)
    return (copy.shape, copy.dtype, copy.device) == (part.shape, part.dtype, part.device)


def _put_back(content: Any, key: Any, old: Any) -> None:
    if old is _ABSENT:
        content.pop(key, None)
    else:
        content[key] = old


@torch.no_grad()
def _copies(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of the tensors, made in few launches."""
    copies = [torch.empty_like(each) if type(each) in _PLAIN else each.clone() for each in parts]
    kinds: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for at, part in enumerate(parts):
        if type(part) in _PLAIN:
            kinds.setdefault((part.device, part.dtype), []).append(at)
    for places in kinds.values():
        torch._foreach_copy_([copies[at] for at in places], [parts[at] for at in places])
    return copies
