"""Images: move them while they are bytes, then flip channels, normalise, pad and stack them on the device.

A byte image is a quarter of the normalised one, so moving first is a quarter of the traffic. Images of one shape become
a batch before anything is computed: a handful of launches on the device, whatever the number of images.
Shapes: C channels, H height, W width, N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from eng_registry import MODELS

from ..protocols import Batch
from .base import BaseDataPreprocessor
from .stack import pad_to_divisor, stack_batch


@MODELS.register_module()
class ImgDataPreprocessor(BaseDataPreprocessor):
    """Make one normalised float tensor NCHW of `data["inputs"]`: a list of images CHW, or a stacked batch.

    `mean` and `std` (both or neither, 1 or 3 numbers each) are in units of the pixels that arrive;
    `pad_size_divisor` is what height and width can be divided by afterwards; padding goes to the bottom and
    the right and has `pad_value` *after* normalising. `bgr_to_rgb` and `rgb_to_bgr` are the same flip of
    three channels. `non_blocking` as for `BaseDataPreprocessor`.

    >>> preprocess = ImgDataPreprocessor(mean=[127.5], std=[127.5], pad_size_divisor=4)
    >>> batch = {"inputs": [torch.full((3, 2, 3), 255, dtype=torch.uint8)]}
    >>> images = preprocess(batch)["inputs"]
    >>> images.shape, images[0, 0, 0]
    (torch.Size([1, 3, 4, 4]), tensor([1., 1., 1., 0.]))
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        pad_size_divisor: int = 1,
        pad_value: float = 0,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking)
        if bgr_to_rgb and rgb_to_bgr:
            raise AssertionError("`bgr_to_rgb` and `rgb_to_bgr` are the same flip: choose one")
        if (mean is None) != (std is None):
            raise AssertionError("`mean` and `std` belong together: give both or neither")
        if pad_size_divisor < 1:
            raise ValueError(f"`pad_size_divisor` is at least 1, not {pad_size_divisor}")
        self._channel_conversion = bgr_to_rgb or rgb_to_bgr
        self._enable_normalize = mean is not None
        self.pad_size_divisor = pad_size_divisor
        self.pad_value = pad_value
        if mean is not None and std is not None:
            self.register_buffer("mean", _per_channel("mean", mean), persistent=False)
            self.register_buffer("std", _per_channel("std", std), persistent=False)
            if 0 in std:
                raise ValueError(f"`std` divides the pixels, so no value of it is 0: {std}")

    def forward(self, data: Batch, training: bool = False) -> dict[str, Any]:
        """The batch on the device, with one tensor NCHW as `inputs`, and `data_samples` even if None."""
        if "inputs" not in data:
            raise KeyError(
                f"a batch for ImgDataPreprocessor has its images as `inputs`; this one has {', '.join(data)}"
            )
        moved: dict[str, Any] = self.cast_data(data)
        inputs = moved["inputs"]
        if isinstance(inputs, Tensor):
            if inputs.dim() != 4:
                raise AssertionError(f"a batch of images is NCHW, not of shape {tuple(inputs.shape)}")
            moved["inputs"] = pad_to_divisor(self._normalise(inputs), self.pad_size_divisor, self.pad_value)
        elif isinstance(inputs, Sequence) and all(isinstance(image, Tensor) for image in inputs):
            moved["inputs"] = self._batch(inputs)
        else:
            raise TypeError(
                f"`inputs` is a {type(inputs).__name__}; it has to be a tensor NCHW or a list of them CHW: "
                "`pseudo_collate` gives the list, `default_collate` the tensor"
            )
        moved.setdefault("data_samples", None)
        return moved

    def _batch(self, images: Sequence[Tensor]) -> Tensor:
        """Several images CHW as one normalised batch."""
        if len({(image.shape, image.dtype) for image in images}) == 1 and images[0].dim() == 3:
            batch = self._normalise(torch.stack(list(images)), is_ours=True)
            return pad_to_divisor(batch, self.pad_size_divisor, self.pad_value)
        return stack_batch(
            [self._normalise(image) for image in images], self.pad_size_divisor, self.pad_value
        )

    def _normalise(self, images: Tensor, is_ours: bool = False) -> Tensor:
        """Float images ([N]CHW) with the channels in the model's order, and centred if configured.

        `is_ours` allows to write into `images`; else they stay as they are.
        """
        given = images
        if self._channel_conversion:
            images = _flip_channels(images)
        images = images.float()
        if not self._enable_normalize:
            return images
        channels = images.shape[-3] if images.dim() >= 3 else 0
        if self.mean.shape[0] == 3 and channels != 3:
            raise AssertionError(
                f"three values of `mean` are for images CHW of three channels, not {tuple(images.shape[-3:])}"
            )
        if (is_ours or images is not given) and channels >= self.std.shape[0]:
            return images.sub_(self.mean).div_(self.std)
        return (images - self.mean) / self.std


def _flip_channels(images: Tensor) -> Tensor:
    """The first three channels in reverse order, without a list as an index: that is copied to the device each time."""
    if images.dim() < 3 or images.shape[-3] < 3:
        raise AssertionError(
            f"`bgr_to_rgb` and `rgb_to_bgr` are for images CHW of three channels, not {tuple(images.shape[-3:])}"
        )
    return images.narrow(-3, 0, 3).flip(-3)


def _per_channel(name: str, values: Sequence[float]) -> Tensor:
    """Numbers as a tensor C11, made on the CPU also where modules are being built without memory (`meta`)."""
    if not isinstance(values, Sequence):
        raise TypeError(f"`{name}` is a list of one value or three, one per channel, not {values!r}")
    if len(values) not in (1, 3):
        raise AssertionError(f"`{name}` has one value or three, one per channel, not {len(values)}")
    return torch.tensor(values, dtype=torch.float32, device="cpu").view(-1, 1, 1)
