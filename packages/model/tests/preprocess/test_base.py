"""BaseDataPreprocessor: its device and what it does to a batch."""

import copy
import pickle

import torch
from torch import nn

from eng_model import BaseDataPreprocessor

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
