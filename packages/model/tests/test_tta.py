"""BaseTTAModel: views in, merged predictions out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from eng_model import BaseModel, BaseTTAModel, ImgDataPreprocessor
from eng_registry import MODELS


class Echo(BaseModel):
    """Predicts its input."""

    def __init__(self, data_preprocessor: Any = None) -> None:
        super().__init__(data_preprocessor)

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        return [(mode, float(x.sum()), sample) for x, sample in zip(inputs, data_samples, strict=True)]


class Keep(BaseTTAModel):
    """Merges nothing: what comes in can be looked at."""

    def merge_preds(self, data_samples_list: list[Any]) -> list[Any]:
        return data_samples_list


VIEWS = {
    "inputs": [[torch.ones(1), torch.full((1,), 2.0)], [torch.full((1,), 3.0), torch.full((1,), 4.0)]],
    "data_samples": [["a", "b"], ["a", "b"]],
}
MERGED = [
    (("predict", 1.0, "a"), ("predict", 3.0, "a")),
    (("predict", 2.0, "b"), ("predict", 4.0, "b")),
]


@pytest.mark.parametrize("batch", [VIEWS, tuple(VIEWS.values()), list(VIEWS.values())])
def test_predictions_are_grouped_by_sample(batch: Any) -> None:
    """Two samples in two views: two tuples of two."""
    assert Keep(Echo()).test_step(batch) == MERGED


def test_a_configured_model_gets_the_preprocessor() -> None:
    """It belongs to the model that predicts."""
    MODELS.register_module(module=Echo)
    try:
        tta = Keep({"type": "Echo"}, data_preprocessor={"type": "ImgDataPreprocessor"})
    finally:
        del MODELS.module_dict["Echo"]
    assert isinstance(tta.module.data_preprocessor, ImgDataPreprocessor)


def test_it_can_be_built_around_an_object() -> None:
    """As a runner does at the beginning of a test."""
    MODELS.register_module(module=Keep)
    try:
        inner = Echo()
        assert MODELS.build({"type": "Keep"}, default_args={"module": inner}).module is inner
    finally:
        del MODELS.module_dict["Keep"]


def test_the_module_has_to_be_a_model() -> None:
    """A module, and one with `test_step`."""
    with pytest.raises(TypeError, match="module is a int"):
        Keep(1)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="Linear has no `test_step`"):
        Keep(nn.Linear(1, 1))


def test_there_is_no_forward() -> None:
    """It says what to call instead."""
    with pytest.raises(NotImplementedError, match="test_step"):
        Keep(Echo())(torch.ones(1))


def test_a_batch_has_views() -> None:
    """A tensor is no collection of augmentations."""
    with pytest.raises(TypeError, match="Tensor"):
        Keep(Echo()).test_step(torch.ones(2))
