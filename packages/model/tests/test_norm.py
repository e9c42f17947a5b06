"""SyncBatchNorm and back."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from eng_model import BatchNormAnyDim, convert_sync_batchnorm, revert_sync_batchnorm


def _net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2)), nn.BatchNorm1d(3, affine=False)
    )


def test_there_and_back_keeps_tensors_and_flags() -> None:
    """The very parameters and statistics, training or not."""
    net = _net().eval()
    before = dict(net.state_dict(keep_vars=True))
    converted = convert_sync_batchnorm(net)
    assert isinstance(converted[1][0], nn.SyncBatchNorm)
    assert isinstance(converted[2], nn.SyncBatchNorm)
    reverted = revert_sync_batchnorm(converted)
    assert isinstance(reverted[1][0], BatchNormAnyDim)
    assert not reverted[1][0].training
    after = reverted.state_dict(keep_vars=True)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_the_reverted_layer_computes_the_same_in_any_dimension() -> None:
    """SyncBatchNorm takes images and vectors alike; so does what replaces it."""
    layer = revert_sync_batchnorm(nn.SyncBatchNorm(2))
    torch.manual_seed(0)
    for shape, reference in (((4, 2), nn.BatchNorm1d(2)), ((4, 2, 3, 3), nn.BatchNorm2d(2))):
        x = torch.randn(shape)
        torch.testing.assert_close(layer(x), reference(x))


def test_a_single_layer_is_returned_as_another_one() -> None:
    """There is no parent to replace it in."""
    assert isinstance(convert_sync_batchnorm(nn.BatchNorm2d(1)), nn.SyncBatchNorm)
    assert isinstance(revert_sync_batchnorm(nn.SyncBatchNorm(1)), BatchNormAnyDim)


def test_other_layers_are_left_alone() -> None:
    """The very objects, in place."""
    net = _net()
    conv = net[0]
    assert convert_sync_batchnorm(net) is net
    assert net[0] is conv


def test_a_layer_that_is_synchronised_already_stays() -> None:
    """Converting twice is converting once."""
    net = convert_sync_batchnorm(_net())
    layer = net[2]
    assert convert_sync_batchnorm(net)[2] is layer


def test_mmcvs_operator_is_known_where_mmcv_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, without importing it ourselves."""

    class Theirs(nn.BatchNorm2d):
        """Stands for the operator of mmcv."""

    monkeypatch.setitem(sys.modules, "mmcv", SimpleNamespace(ops=SimpleNamespace(SyncBatchNorm=Theirs)))
    monkeypatch.setitem(sys.modules, "mmcv.ops", SimpleNamespace(SyncBatchNorm=Theirs))
    net = convert_sync_batchnorm(_net(), implementation="mmcv")
    assert isinstance(net[2], Theirs)
    assert isinstance(revert_sync_batchnorm(net)[2], BatchNormAnyDim)


def test_without_mmcv_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional package is not there by default."""
    monkeypatch.setitem(sys.modules, "mmcv", None)
    with pytest.raises(ImportError, match="pip install mmcv"):
        convert_sync_batchnorm(_net(), implementation="mmcv")


def test_other_implementations_are_refused() -> None:
    """There are two."""
    with pytest.raises(ValueError, match="'apex'"):
        convert_sync_batchnorm(_net(), implementation="apex")


def test_what_cannot_be_replaced_is_warned_about() -> None:
    """The rest of the module is converted."""

    class Guarded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.SyncBatchNorm(1)
            self.guarded = True

        def __setattr__(self, name: str, value: object) -> None:
            if self.__dict__.get("guarded"):
                raise AttributeError("read-only")
            super().__setattr__(name, value)

    net = nn.Sequential(Guarded(), nn.SyncBatchNorm(1))
    with pytest.warns(UserWarning, match="`norm`.*read-only"):
        revert_sync_batchnorm(net)
    assert isinstance(net[0].norm, nn.SyncBatchNorm)
    assert isinstance(net[1], BatchNormAnyDim)
