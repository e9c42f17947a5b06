"""The gradient scaler for parameters of which each process has a part."""

from typing import Any

import torch
from torch import Tensor, distributed

from eng_optim.shards import compute_device, groups_of, part_of, reduced


class ShardScaler(torch.amp.GradScaler):
    """torch's GradScaler whose search for overflows works on the parts and agrees over all processes.

    torch asks only the first gradient how it is sharded, and sends what it found by the device that the gradients are
    on; with CPU offload that is not the device of the process group.
    """

    @torch.no_grad()
    def _unscale_grads_(
        self, optimizer: torch.optim.Optimizer, inv_scale: Tensor, found_inf: Tensor, allow_fp16: bool
    ) -> dict[torch.device, Tensor]:
        """Unscale in place; what was found is one number, on the device that computes with the gradients."""
        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        if not gradients:
            return {}
        kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for gradient in gradients:
            if gradient.dtype == torch.float16 and not allow_fp16:
                raise ValueError("gradients in float16 cannot be unscaled: keep the parameters in float32")
            part = part_of(gradient)
            kinds.setdefault((part.device, part.dtype), []).append(part)
        where = compute_device(gradients[0])
        found = [_unscaled(parts, inv_scale.to(device)).to(where) for (device, _), parts in kinds.items()]
        groups = tuple(dict.fromkeys(group for gradient in gradients for group in groups_of(gradient)))
        whole = reduced(torch.stack(found).amax(), groups, distributed.ReduceOp.MAX)
        return {whole.device: whole}


def _unscaled(parts: list[Tensor], inv_scale: Tensor) -> Tensor:
    """1 if a gradient is not finite, else 0; the gradients are multiplied in place."""
    found = torch.zeros((), dtype=torch.float32, device=inv_scale.device)
    unscale: Any = torch._amp_foreach_non_finite_check_and_unscale_
    unscale(parts, found, inv_scale)
    return found
