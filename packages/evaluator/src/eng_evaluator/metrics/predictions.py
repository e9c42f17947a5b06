"""Where a ready metric finds what it compares: predictions and truth, whichever way the model returns them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from eng_evaluator.errors import PredictionError


def pairs(data_samples: Any, *, predictions: Sequence[str], truth: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch's predictions and its truth, as two tensors whose first dimension is the sample.

    From a model that returns a tuple of them, from a dict of both, or from one dict (or data element) per sample:
    there the first of the keys `predictions` that is present is taken, and the key `truth`.

    >>> pairs([torch.tensor([0, 1]), torch.tensor([1, 1])], predictions=['pred_label'], truth='gt_label')
    (tensor([0, 1]), tensor([1, 1]))

    Raises:
        PredictionError: the batch is something else, or lacks the keys; it is a TypeError.
    """
    if isinstance(data_samples, Mapping):
        key = _present(data_samples, predictions, truth)
        return torch.as_tensor(data_samples[key]), torch.as_tensor(data_samples[truth])
    if data_samples and isinstance(data_samples[0], Mapping):
        key = _present(data_samples[0], predictions, truth)
        predicted = torch.stack([_row(sample[key]) for sample in data_samples])
        true = torch.stack([_row(sample[truth]) for sample in data_samples])
        return predicted, true
    if len(data_samples) == 2 and all(isinstance(part, torch.Tensor | np.ndarray) for part in data_samples):
        return torch.as_tensor(data_samples[0]), torch.as_tensor(data_samples[1])
    raise PredictionError(
        f"expected (predictions, truth) as two tensors, or a dict per sample with `{'` or `'.join(predictions)}` and "
        f"`{truth}`, but the model returned {_described(data_samples)}"
    )


def _present(sample: Mapping[str, Any], predictions: Sequence[str], truth: str) -> str:
    key = next((key for key in predictions if key in sample), None)
    if key is None or truth not in sample:
        raise PredictionError(
            f"a sample needs `{'` or `'.join(predictions)}` and `{truth}`, but this one has "
            f"{', '.join(map(str, sample)) or 'nothing'}"
        )
    return key


def _row(value: Any) -> torch.Tensor:
    """A tensor of one sample's value; one number in a list of its own, as labels often are, becomes the number."""
    tensor = torch.as_tensor(value.label if hasattr(value, "label") else value)
    return tensor.reshape(()) if tensor.numel() == 1 else tensor


def _described(data_samples: Any) -> str:
    kinds = ", ".join(type(part).__name__ for part in data_samples[:4])
    return f"a {type(data_samples).__name__} of {len(data_samples)}: {kinds}"
