"""Where a ready metric finds what it compares: predictions and truth, whichever way the model returns them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from eng_evaluator.errors import PredictionError
from eng_structures import BaseDataElement

Join = Callable[[list[torch.Tensor]], torch.Tensor]


def pairs(
    data_samples: Any, *, predictions: Sequence[str], truth: str, join: Join = torch.stack
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch's predictions and its truth, as two tensors on one device.

    From a model that returns a tuple of them, from a dict of both, or from one dict (or data element) per sample,
    which `join` puts together: there the first of the keys `predictions` that is present is taken, and the key
    `truth`.

    >>> pairs([torch.tensor([0, 1]), torch.tensor([1, 1])], predictions=['pred_label'], truth='gt_label')
    (tensor([0, 1]), tensor([1, 1]))

    Raises:
        PredictionError: the batch is something else, or lacks the keys; it is a TypeError.
    """
    if isinstance(data_samples, Mapping):
        key = _present(data_samples, predictions, truth)
        predicted, true = tensor_of(data_samples[key]), tensor_of(data_samples[truth])
    elif data_samples and isinstance(data_samples[0], Mapping):
        key = _present(data_samples[0], predictions, truth)
        predicted = join([_number_or_more(sample[key]) for sample in data_samples])
        true = join([_number_or_more(sample[truth]) for sample in data_samples])
    elif len(data_samples) == 2 and all(isinstance(part, torch.Tensor | np.ndarray) for part in data_samples):
        predicted, true = tensor_of(data_samples[0]), tensor_of(data_samples[1])
    else:
        raise PredictionError(
            f"expected (predictions, truth) as two tensors, or a dict per sample with {_either(predictions)} and "
            f"`{truth}`, but the model returned {_described(data_samples)}"
        )
    # no wait for labels on their way to an accelerator; what goes to the CPU or to Metal is waited for
    is_ordered = predicted.device.type not in ("cpu", "mps")
    return predicted, true.to(predicted.device, non_blocking=is_ordered)


def tensor_of(value: Any) -> torch.Tensor:
    """The tensor in a value: itself, that of a label or a map (`LabelData`, `PixelData`), or of plain numbers."""
    if isinstance(value, BaseDataElement):
        value = value.to_dict()
    if isinstance(value, Mapping):
        value = value["label" if "label" in value else "data"]
    return torch.as_tensor(value)


def flat(tensors: list[torch.Tensor]) -> torch.Tensor:
    """All numbers of all tensors in a row: for maps of different sizes.

    >>> flat([torch.tensor([[1, 2]]), torch.tensor(3)])
    tensor([1, 2, 3])
    """
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def classes_of(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """The predicted classes, of the shape of `true`: the best where there are scores for each class in dimension 1.

    Raises:
        PredictionError: the shapes do not belong together.
    """
    classes = predicted.argmax(1) if predicted.ndim == true.ndim + 1 else predicted
    if classes.shape != true.shape:
        raise PredictionError(
            f"predictions of shape {tuple(predicted.shape)} cannot be compared with {tuple(true.shape)}"
        )
    return classes


def _number_or_more(value: Any) -> torch.Tensor:
    """A tensor of one sample's value; one number in a list of its own, as labels often are, becomes the number."""
    tensor = tensor_of(value)
    return tensor.reshape(()) if tensor.numel() == 1 else tensor


def _present(sample: Mapping[str, Any], predictions: Sequence[str], truth: str) -> str:
    key = next((key for key in predictions if key in sample), None)
    if key is None or truth not in sample:
        raise PredictionError(
            f"a sample needs {_either(predictions)} and `{truth}`, but this one has "
            f"{', '.join(map(str, sample)) or 'nothing'}; other keys are given as pred_key='...', gt_key='...'"
        )
    return key


def _either(keys: Sequence[str]) -> str:
    return " or ".join(f"`{key}`" for key in keys)


def _described(data_samples: Any) -> str:
    kinds = ", ".join(type(part).__name__ for part in data_samples[:4])
    return f"a {type(data_samples).__name__} of {len(data_samples)}: {kinds or 'nothing'}"
