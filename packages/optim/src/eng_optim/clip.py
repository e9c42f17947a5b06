"""Gradient clipping: a mapping from the configuration becomes one function, once.

`{"max_norm": 1}` clips the norm over all gradients together, `{"clip_value": 0.2}` each element; the keys say
which of the two is meant, and `type` may say it too. Which parameters are clipped is the wrapper's affair.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from eng_optim.accumulate import scale_gradients
from eng_optim.errors import SettingError
from eng_optim.norm import are_plain, total_norm
from eng_registry import suggest

Clip = Callable[[Sequence[Tensor]], Tensor | None]
"""Clips the gradients of the given parameters in place; returns the norm before clipping if it computed
one."""


@torch.no_grad()
def _clip_norm(
    parameters: Sequence[Tensor],
    *,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Clip by the norm of all, `gradient *= min(max_norm / (norm + 1e-6), 1)`, and return the norm before.

    This is `torch.nn.utils.clip_grad_norm_`, also for gradients whose norm torch computes in their own narrow type, and
    for those that are sharded and offloaded.
    """
    gradients = [each.grad for each in parameters if each.grad is not None]
    if are_plain(gradients):
        return nn.utils.clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)
    norm = total_norm(gradients, norm_type, foreach)
    if error_if_nonfinite and not torch.isfinite(norm):
        raise RuntimeError(
            f"the norm of all gradients is {norm.item()}, so they cannot be clipped to `max_norm` {max_norm}; take a "
            "smaller learning rate, or drop `error_if_nonfinite` of `clip_grad`"
        )
    scale_gradients(parameters, (float(max_norm) / (norm + 1e-6)).clamp(max=1.0))
    return norm


_CLIP: dict[str, Callable[..., Tensor | None]] = {
    "norm": _clip_norm,
    "value": nn.utils.clip_grad_value_,
}

_KEYS = {
    "norm": ("max_norm", "norm_type", "error_if_nonfinite", "foreach"),
    "value": ("clip_value", "foreach"),
}


def make_clip(clip_grad: Mapping[str, Any] | None) -> Clip | None:
    """Return the function that `clip_grad` describes, None for no clipping; the mapping is left as it is.

    The keys besides `type` are the keyword arguments of `torch.nn.utils.clip_grad_norm_` (`max_norm`,
    `norm_type`, `error_if_nonfinite`, `foreach`) or `clip_grad_value_` (`clip_value`, `foreach`).

    Raises `SettingError` for an empty or foreign mapping, an unknown key or a limit that is no positive number,
    `ValueError` for an unknown `type`.

    >>> import torch
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> make_clip({"max_norm": 1})([weight])
    tensor(5.)
    """
    if clip_grad is None:
        return None
    if not _is_filled_mapping(clip_grad):
        raise SettingError(
            f"`clip_grad` is a mapping such as dict(max_norm=1) or dict(clip_value=0.2), not {clip_grad!r}"
        )
    settings = dict(clip_grad)
    kind = settings.pop("type", "value" if "clip_value" in settings else "norm")
    if kind not in _CLIP:
        raise ValueError(f"`clip_grad` has type {kind!r}; there are 'norm' and 'value'")
    known = _KEYS[kind]
    for key in settings:
        if key not in known:
            raise SettingError(
                f"`clip_grad` by {kind} has no `{key}`{f', {meant}' if (meant := suggest(key, known)) else ''}; "
                f"there are {', '.join(known)}"
            )
    limit = known[0]
    if limit not in settings:
        raise SettingError(f"`clip_grad` says how but not how much: add `{limit}` to {dict(clip_grad)!r}")
    if not isinstance(settings[limit], int | float | Tensor) or not settings[limit] > 0:
        raise SettingError(f"`{limit}` of `clip_grad` is a positive number, not {settings[limit]!r}")
    return partial(_CLIP[kind], **settings)


def _is_filled_mapping(value: object) -> bool:
    return isinstance(value, Mapping) and len(value) > 0
