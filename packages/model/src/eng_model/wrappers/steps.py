"""The three steps of a model that is trained through a wrapper."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..base import run_forward
from ..protocols import Batch, LogVars, OptimWrapperLike
from ..unused_parameters import detect_anomalous_params


class StepsThroughWrapper(nn.Module):
    """Training calls the wrapper, so that gradients are reduced; validation and test are the model's own steps."""

    module: Any
    detect_anomalous_params = False

    def train_step(self, data: Batch, optim_wrapper: OptimWrapperLike) -> LogVars:
        """Train on this rank's batch and return its scalars to log."""
        model = self.module
        with optim_wrapper.optim_context(self):
            data = model.data_preprocessor(data, training=True)
            losses = self._run_forward(data, "loss")
        total, log_vars = model.parse_losses(losses)
        if self.detect_anomalous_params:
            detect_anomalous_params(total, model=self)
        if "batch_weight" in losses:
            optim_wrapper.update_params(total, weight=losses["batch_weight"])
        else:
            optim_wrapper.update_params(total)
        return log_vars  # type: ignore[no-any-return]  # from the model's own parse_losses

    def val_step(self, data: Batch) -> Any:
        """Predict one batch with the model itself."""
        return self.module.val_step(data)

    def test_step(self, data: Batch) -> Any:
        """Predict one batch with the model itself."""
        return self.module.test_step(data)

    _run_forward = run_forward
