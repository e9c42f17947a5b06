"""Devices by text, and accelerators that are not there."""

import pytest
import torch

import eng_dist
from mmengine import device


def test_the_device_is_a_text():
    """The type of the one that eng_dist names; old code compares it with texts."""
    assert device.get_device() == eng_dist.get_device().type
    assert torch.zeros(1, device=device.get_device()).device.type == device.get_device()


@pytest.mark.parametrize("name", ["npu", "mlu", "dipu", "musa"])
def test_other_accelerators(name):
    """They are never available."""
    assert getattr(device, f"is_{name}_available")() is False


def test_memory_without_a_gpu():
    """Is none, where MMEngine fails."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert device.get_max_cuda_memory() == 0
    assert device.is_cuda_available() is False
