"""ImgDataPreprocessor: flip, normalise, pad, stack."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch import Tensor

from eng_model import ImgDataPreprocessor, stack_batch

BGR = torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1).expand(3, 2, 2)


def _pixel(images: Tensor) -> Any:
    return images[0, :, 0, 0].tolist()


@pytest.mark.parametrize("inputs", [[BGR], BGR[None]])
@pytest.mark.parametrize("flip", ["bgr_to_rgb", "rgb_to_bgr"])
def test_channels_are_flipped_then_normalised(inputs: Any, flip: str) -> None:
    """`mean` and `std` are in the order of the model, in lists and in batches."""
    preprocess = ImgDataPreprocessor(mean=[30, 20, 10], std=[1, 2, 5], **{flip: True})
    assert _pixel(preprocess({"inputs": inputs})["inputs"]) == [0.0, 0.0, 0.0]


def test_bytes_become_floats_without_being_normalised() -> None:
    """No `mean`: only the type changes."""
    images = ImgDataPreprocessor()({"inputs": [BGR]})["inputs"]
    assert images.dtype == torch.float32
    assert _pixel(images) == [10.0, 20.0, 30.0]


def test_one_mean_may_go_with_three_deviations() -> None:
    """Each has one value or three."""
    assert _pixel(ImgDataPreprocessor(mean=[10], std=[1, 2, 4])({"inputs": [BGR]})["inputs"]) == [
        0.0,
        5.0,
        5.0,
    ]


def test_padding_is_at_the_bottom_and_right_in_normalised_units() -> None:
    """`pad_value` is not normalised."""
    preprocess = ImgDataPreprocessor(mean=[10], std=[10], pad_size_divisor=4, pad_value=-7)
    for inputs in ([BGR], BGR[None]):
        image = preprocess({"inputs": inputs})["inputs"][0, 1]
        assert image.tolist() == [[1, 1, -7, -7], [1, 1, -7, -7], [-7] * 4, [-7] * 4]


def test_images_of_different_size_are_stacked() -> None:
    """To the largest height and the largest width."""
    images = ImgDataPreprocessor()({"inputs": [torch.ones(3, 2, 5), torch.ones(3, 4, 1)]})["inputs"]
    assert images.shape == (2, 3, 4, 5)
    assert images.sum() == 3 * (2 * 5 + 4 * 1)


def test_the_rest_of_the_batch_is_kept() -> None:
    """`data_samples` is always there, because `forward` takes it."""
    preprocess = ImgDataPreprocessor()
    assert preprocess({"inputs": [BGR], "extra": 1}).keys() == {"inputs", "extra", "data_samples"}
    assert preprocess({"inputs": [BGR], "data_samples": ["a"]})["data_samples"] == ["a"]


def test_it_does_not_change_the_batch_it_is_given() -> None:
    """A loader may hand out the same object again."""
    batch = {"inputs": [BGR]}
    ImgDataPreprocessor(mean=[1], std=[1])(batch)
    assert batch == {"inputs": [BGR]}
    assert batch["inputs"][0].dtype == torch.uint8


def test_its_statistics_move_but_are_not_saved() -> None:
    """They come from the configuration; checkpoints without them stay loadable."""
    preprocess = ImgDataPreprocessor(mean=[1, 2, 3], std=[1, 1, 1])
    assert preprocess.state_dict() == {}
    assert preprocess.mean.shape == (3, 1, 1)
    preprocess.to("meta")
    assert preprocess.mean.device == preprocess.device == torch.device("meta")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"bgr_to_rgb": True, "rgb_to_bgr": True}, "choose one"),
        ({"mean": [1.0]}, "both or neither"),
        ({"std": [1.0]}, "both or neither"),
        ({"mean": [1.0, 2.0], "std": [1.0]}, "one value or three"),
        ({"mean": [1.0], "std": [1.0] * 4}, "one value or three"),
    ],
)
def test_contradictions_are_refused(kwargs: Any, message: str) -> None:
    """At the door, before any batch."""
    with pytest.raises(AssertionError, match=message):
        ImgDataPreprocessor(**kwargs)


@pytest.mark.parametrize("inputs", [[torch.ones(1, 2, 2)], torch.ones(1, 4, 2, 2), [torch.ones(2, 2)]])
def test_three_means_want_three_channels(inputs: Any) -> None:
    """Broadcasting a grey image to three channels would go unnoticed."""
    with pytest.raises(AssertionError, match="three channels"):
        ImgDataPreprocessor(mean=[1, 2, 3], std=[1, 1, 1])({"inputs": inputs})


def test_a_batch_has_four_dimensions() -> None:
    """One image is no batch."""
    with pytest.raises(AssertionError, match="NCHW"):
        ImgDataPreprocessor()({"inputs": torch.ones(3, 2, 2)})


@pytest.mark.parametrize("inputs", ["path.png", 3, ["path.png"]])
def test_inputs_have_to_be_tensors(inputs: Any) -> None:
    """The error says which collate function gives what."""
    with pytest.raises(TypeError, match="pseudo_collate"):
        ImgDataPreprocessor()({"inputs": inputs})


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"pad_size_divisor": 0}, ValueError, "at least 1, not 0"),
        ({"mean": [0.0], "std": [0.0]}, ValueError, "no value of it is 0"),
        ({"mean": 0.0, "std": 1.0}, TypeError, "list of one value or three"),
    ],
)
def test_settings_that_would_spoil_every_image(settings, error, words):
    """Told before there is one."""
    with pytest.raises(error, match=words):
        ImgDataPreprocessor(**settings)


def test_a_batch_without_images_says_what_it_has():
    """Another name is the usual mistake."""
    with pytest.raises(KeyError, match="as `inputs`; this one has img, label"):
        ImgDataPreprocessor()({"img": [], "label": []})


SETTINGS = [
    {},
    {"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4], "bgr_to_rgb": True},
    {"mean": [127.5], "std": [58.4, 57.1, 57.4], "pad_size_divisor": 32, "pad_value": 0.1},
    {"mean": [127.5], "std": [3.3], "rgb_to_bgr": True, "pad_size_divisor": 7},
]


def _one_by_one(preprocess: ImgDataPreprocessor, images: list[Tensor]) -> Tensor:
    """What a preprocessor is to return, image by image and with an index for the channels."""
    normalised = []
    for image in images:
        image = image[[2, 1, 0]] if preprocess._channel_conversion else image
        image = image.float()
        normalised.append(
            (image - preprocess.mean) / preprocess.std if hasattr(preprocess, "mean") else image
        )
    return stack_batch(normalised, preprocess.pad_size_divisor, preprocess.pad_value)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("sizes", [[(33, 17)] * 5, [(33, 17), (20, 31)], [(1, 1)]])
def test_a_batch_has_the_bits_of_its_images(settings, dtype, sizes):
    """Stacking before normalising changes no bit, whatever the type, the sizes and the layout."""
    generator = torch.Generator().manual_seed(0)
    images = [(torch.rand(3, *size, generator=generator) * 255).to(dtype) for size in sizes]
    images[0] = images[0].permute(1, 2, 0).contiguous().permute(2, 0, 1)  # as it comes from an image file
    before = [image.clone() for image in images]
    preprocess = ImgDataPreprocessor(**settings)
    actual = preprocess({"inputs": images})["inputs"]
    assert torch.equal(actual, _one_by_one(preprocess, images))
    assert actual.is_contiguous()
    assert all(map(torch.equal, images, before))


def test_images_of_several_types_are_not_mixed_before_they_are_floats():
    """A stack of whole numbers and halves would be one of halves."""
    images = [torch.full((3, 2, 2), 2049, dtype=torch.int32), torch.full((3, 2, 2), 0.5, dtype=torch.float16)]
    assert ImgDataPreprocessor()({"inputs": images})["inputs"][:, 0, 0, 0].tolist() == [2049.0, 0.5]


@pytest.mark.parametrize("count", [2, 256])
@pytest.mark.parametrize("flip", [False, True])
def test_the_number_of_launches_does_not_depend_on_the_images(count, flip):
    """Stack, flip, float, subtract, divide, pad: and nothing is waited for."""
    preprocess = ImgDataPreprocessor([1.0] * 3, [2.0] * 3, pad_size_divisor=8, bgr_to_rgb=flip).to("meta")
    with HostWaits() as seen:
        preprocess({"inputs": [torch.zeros(3, 6, 6, dtype=torch.uint8)] * count})
    assert seen.waits == []
    assert "index" not in seen.launches
    assert len(seen.launches) <= 7, seen.launches


def test_images_that_are_given_as_floats_stay_as_they_are():
    """Only what the preprocessor made itself is written to."""
    image = torch.full((3, 2, 2), 5.0)
    preprocess = ImgDataPreprocessor([1.0] * 3, [2.0] * 3)
    assert preprocess({"inputs": image[None]})["inputs"][0, 0, 0, 0] == 2.0
    assert preprocess({"inputs": [image, torch.ones(3, 1, 1)]})["inputs"][0, 0, 0, 0] == 2.0
    assert image.unique().tolist() == [5.0]


@pytest.mark.parametrize("inputs", [[torch.ones(1, 2, 2)], torch.ones(1, 1, 2, 2)])
def test_a_flip_wants_three_channels(inputs):
    """The message has the shape of an image."""
    with pytest.raises(AssertionError, match=r"three channels, not \(1, 2, 2\)"):
        ImgDataPreprocessor(bgr_to_rgb=True)({"inputs": inputs})
