"""BaseDataPreprocessor: its device and what it does to a batch."""

import copy
import pickle

import pytest
import torch
from host_waits import HostWaits
from torch import nn

from eng_model import BaseDataPreprocessor
from eng_structures import BaseDataElement

META = torch.device("meta")


def test_it_begins_on_the_cpu_also_under_another_default_device() -> None:
    """A model that is built without memory still knows where its data comes from."""
    assert BaseDataPreprocessor().device == torch.device("cpu")
    with torch.device("meta"):
        assert BaseDataPreprocessor().device == torch.device("cpu")


def test_it_follows_the_module_it_is_part_of() -> None:
    """A plain torch module takes it along too."""
    owner = nn.Sequential(nn.Linear(1, 1), BaseDataPreprocessor())
    owner.to("meta")
    assert owner[1].device == META
    assert owner[1]({"x": torch.ones(1)})["x"].device == META


def test_it_casts_the_same_in_training_and_outside() -> None:
    """`training` is for subclasses."""
    preprocess = BaseDataPreprocessor(non_blocking=True)
    batch = [torch.ones(1), "text"]
    assert preprocess(batch, training=True) == preprocess(batch) == preprocess.cast_data(batch) == batch


def test_it_has_no_state() -> None:
    """Checkpoints do not change because of it."""
    assert BaseDataPreprocessor().state_dict() == {}
    assert list(BaseDataPreprocessor().buffers()) == []


def test_copies_know_the_device() -> None:
    """Copying and pickling keep it."""
    preprocess = BaseDataPreprocessor().to("meta")
    assert copy.deepcopy(preprocess).device == META
    assert pickle.loads(pickle.dumps(preprocess)).device == META


def test_nothing_waits_for_a_batch_on_its_way():
    """Eight samples of two keys: sixteen copies, none of which the host waits for."""
    preprocess = BaseDataPreprocessor().to("meta")
    batch = {"inputs": [torch.ones(3) for _ in range(8)], "data_samples": [torch.ones(1) for _ in range(8)]}
    with HostWaits() as seen:
        moved = preprocess(batch)
    assert moved["inputs"][7].device == META
    assert seen.waits == []


def test_waiting_can_be_asked_for():
    """For a batch whose memory is written to again at once."""
    preprocess = BaseDataPreprocessor(non_blocking=False).to("meta")
    with HostWaits() as seen:
        preprocess([torch.ones(3)])
    assert seen.waits == ["_to_copy"]


@pytest.mark.parametrize(("device", "expected"), [("cpu", False), ("mps", False), ("cuda:0", True)])
def test_copies_that_would_not_be_ordered_are_waited_for(device, expected):
    """To the CPU nothing orders the copy before what reads it; Metal reads a source that may be gone."""

    class Sample(BaseDataElement):
        def to(self, device, non_blocking):
            return str(device), non_blocking

    preprocess = BaseDataPreprocessor()
    preprocess._device = torch.device(device)
    assert preprocess([Sample()]) == preprocess.cast_data([Sample()]) == [(device, expected)]


def test_a_cast_of_ones_own_is_called():
    """Also where `forward` is not overridden."""

    class Halving(BaseDataPreprocessor):
        def cast_data(self, data):
            return [each / 2 for each in super().cast_data(data)]

    assert Halving()([torch.ones(1)]) == [torch.tensor([0.5])]
