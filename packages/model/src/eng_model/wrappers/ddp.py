"""Data parallel training of a BaseModel: every process has the model and a share of the batch."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eng_registry import MODEL_WRAPPERS

from ..anomalous import detect_anomalous_params
from ..forward import run_forward
from ..protocols import Batch, LogVars, OptimWrapperLike


@MODEL_WRAPPERS.register_module()
class MMDistributedDataParallel(DistributedDataParallel):
    """torch's DistributedDataParallel with the three steps of a BaseModel.

    Training goes through the wrapper, so that gradients are averaged over all ranks during backward;
    validation and test go straight to the model. `detect_anomalous_params` logs after every step which
    trainable parameters took no part in the loss, the cause of most "Expected to have finished reduction"
    errors; it walks the whole graph, so it is for looking, not for training. Everything else is torch's
    (`device_ids`, `broadcast_buffers`, `find_unused_parameters`, `static_graph`, ...).
    """

    def __init__(self, module: nn.Module, detect_anomalous_params: bool = False, **kwargs: Any) -> None:
        super().__init__(module=module, **kwargs)
        self.detect_anomalous_params = detect_anomalous_params

    def train_step(self, data: Batch, optim_wrapper: OptimWrapperLike) -> LogVars:
        """Train on this rank's batch and return its scalars to log."""
        module: Any = self.module
        with optim_wrapper.optim_context(self):
            data = module.data_preprocessor(data, training=True)
            losses = self._run_forward(data, "loss")
        total, log_vars = module.parse_losses(losses)
        optim_wrapper.update_params(total)
        if self.detect_anomalous_params:
            detect_anomalous_params(total, model=self)
        return log_vars  # type: ignore[no-any-return]  # the model's own parse_losses

    def val_step(self, data: Batch) -> Any:
        """Predict one batch with the model itself."""
        return self.module.val_step(data)

    def test_step(self, data: Batch) -> Any:
        """Predict one batch with the model itself."""
        return self.module.test_step(data)

    _run_forward = run_forward
