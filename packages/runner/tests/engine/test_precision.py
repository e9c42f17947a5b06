"""Autocast with the device's usual type."""

import pytest
import torch

from eng_runner.engine.precision import autocast


def test_bfloat16_on_a_cpu():
    """A matrix product inside runs in bfloat16."""
    a = torch.ones(2, 2)
    with autocast("cpu"):
        assert (a @ a).dtype is torch.bfloat16
    assert (a @ a).dtype is torch.float32


def test_disabled_is_nothing():
    """enabled=False changes nothing."""
    a = torch.ones(2, 2)
    with autocast("cpu", enabled=False):
        assert (a @ a).dtype is torch.float32


def test_only_bfloat16_on_a_cpu():
    """Another type is an error that says so."""
    with (
        pytest.raises(ValueError, match=r"torch.bfloat16, not torch.float16"),
        autocast("cpu", dtype=torch.float16),
    ):
        pass


def test_a_device_without_autocast():
    """An unknown device is named."""
    with pytest.raises(ValueError, match="no autocast for 'meta'"), autocast("meta"):
        pass
