"""The optimizer whose state is divided among the ranks, as in ZeRO stage 1 (Rajbhandari et al., 2020).

Not imported with the package: what torch imports for it takes longer than torch itself.
"""

from typing import Any

from torch import distributed, optim
from torch.distributed.optim import ZeroRedundancyOptimizer as _ZeroRedundancyOptimizer

from eng_optim.errors import SettingError


class ZeroRedundancyOptimizer(_ZeroRedundancyOptimizer):
    """torch's `ZeroRedundancyOptimizer`, with the optimizer of each rank by its name in `torch.optim`.

    Each rank keeps the state of its part of the parameters, updates them, and sends them to the others. A
    process group has to be there.

    Raises `SettingError` if `torch.optim` has no optimizer `optimizer_type`.
    """

    def __init__(self, params: Any, optimizer_type: str, **kwargs: Any) -> None:
        kind = getattr(optim, optimizer_type, None)
        if not (isinstance(kind, type) and issubclass(kind, optim.Optimizer)):
            raise SettingError(
                f"`optimizer_type` is the name of an optimizer in torch.optim, not {optimizer_type!r}"
            )
        super().__init__(params, kind, **kwargs)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all ranks on rank 0, and `{}` elsewhere; every rank has to ask for it."""
        self.consolidate_state_dict()
        return super().state_dict() if distributed.get_rank() == 0 else {}
