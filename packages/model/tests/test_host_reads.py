"""How often a training or validation step waits for the device: never."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch import Tensor, nn
from torch.nn import functional

from eng_model import (
    BaseDataPreprocessor,
    BaseModel,
    ExponentialMovingAverage,
    ImgDataPreprocessor,
    MomentumAnnealingEMA,
    StochasticWeightAverage,
)
from eng_structures import BaseDataElement


class Classifier(BaseModel):
    def __init__(self, preprocessor: BaseDataPreprocessor) -> None:
        super().__init__(preprocessor)
        self.conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, 5)

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
        images = inputs if isinstance(inputs, Tensor) else torch.stack(inputs)
        scores = self.head(self.conv(images.float()).mean((2, 3)))
        if mode != "loss":
            return scores
        labels = torch.stack([sample.label for sample in data_samples])
        accuracy = (scores.argmax(1) == labels).float().mean()
        return {
            "loss": functional.cross_entropy(scores, labels),
            "loss_parts": [scores.square().mean(1), scores.abs()],
            "acc": accuracy,
            "batch_weight": len(labels) * torch.ones((), device=scores.device),
        }


class Wrapper:
    """The raw loop's three lines."""

    def __init__(self, model: nn.Module) -> None:
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)

    def optim_context(self, model: nn.Module) -> nullcontext[None]:
        return nullcontext()

    def update_params(self, loss: Tensor, weight: Tensor | None = None) -> None:
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def _batch() -> dict[str, Any]:
    samples = [BaseDataElement(label=torch.tensor(n), box=torch.ones(4)) for n in range(4)]
    return {"inputs": [torch.zeros(3, 8, 8, dtype=torch.uint8)] * 4, "data_samples": samples}


@pytest.mark.parametrize(
    "preprocessor",
    [BaseDataPreprocessor(), ImgDataPreprocessor([1.0] * 3, [2.0] * 3, bgr_to_rgb=True, pad_size_divisor=16)],
    ids=["base", "images"],
)
@pytest.mark.parametrize(
    "average", [None, ExponentialMovingAverage, MomentumAnnealingEMA, StochasticWeightAverage]
)
def test_no_step_waits(preprocessor: BaseDataPreprocessor, average: Any) -> None:
    """The batch comes from the host with data elements; losses are lists and tensors; an average follows."""
    model = Classifier(preprocessor).to("meta")
    averaged = None if average is None else average(model)
    wrapper = Wrapper(model)
    with HostWaits() as seen:
        for _ in range(3):
            model.train_step(_batch(), wrapper)
            if averaged is not None:
                averaged.update_parameters(model)
        model.val_step(_batch())
        model.test_step(_batch())
    assert seen.waits == []
