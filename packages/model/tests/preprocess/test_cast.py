"""Moving nested batches."""

from __future__ import annotations

from collections import OrderedDict, UserDict, UserList, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from eng_model.preprocess.base import cast
from eng_structures import BaseDataElement

CPU, META = torch.device("cpu"), torch.device("meta")
Pair = namedtuple("Pair", "x y")


def test_a_tensor_that_is_there_is_returned_itself() -> None:
    """Nothing is copied, nothing is called."""
    tensor = torch.ones(2)
    assert cast(tensor, CPU) is tensor
    assert cast([tensor], CPU)[0] is tensor
    assert cast({"a": tensor}, CPU)["a"] is tensor


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([torch.ones(1)], list),
        ((torch.ones(1),), tuple),
        (Pair(torch.ones(1), [torch.ones(1)]), Pair),
        ({"a": torch.ones(1)}, dict),
        (OrderedDict(a=torch.ones(1)), dict),
        (UserDict(a=torch.ones(1)), dict),
        (UserList([torch.ones(1)]), UserList),
    ],
)
def test_containers_keep_their_type_and_mappings_become_dicts(data: Any, kind: type) -> None:
    """Whatever the container, its tensors are moved."""
    moved = cast(data, META)
    assert type(moved) is kind
    leaves = list(moved.values()) if isinstance(moved, dict) else list(moved)
    assert all(each.device == META for each in leaves if isinstance(each, torch.Tensor))


def test_nesting_is_followed_to_the_end() -> None:
    """Lists in tuples in dicts."""
    moved = cast({"a": ([torch.ones(1), {"b": torch.ones(1)}], Pair(1, torch.ones(1)))}, META)
    assert moved["a"][0][0].device == META
    assert moved["a"][0][1]["b"].device == META
    assert moved["a"][1].y.device == META


@pytest.mark.parametrize(
    "data", ["text", b"bytes", None, 1, 1.5, True, range(3), {1, 2}, np.ones(2), object()]
)
def test_everything_else_stays_the_same_object(data: Any) -> None:
    """Numbers, text, arrays and objects are none of our business."""
    assert cast(data, META) is data
    assert cast([data], META)[0] is data


def test_elements_move_with_their_tensors() -> None:
    """A data element moves itself."""
    sample = BaseDataElement(metainfo={"img_id": 3}, box=torch.ones(4))
    moved = cast([sample], META)[0]
    assert isinstance(moved, BaseDataElement)
    assert moved.box.device == META
    assert moved.img_id == 3


def test_subclasses_of_tensors_move() -> None:
    """Parameters, for one."""
    assert cast(torch.nn.Parameter(torch.ones(1)), META).device == META


def test_packed_sequences_keep_their_lengths_on_the_cpu() -> None:
    """torch needs the batch sizes there, so a packed sequence moves in its own way."""
    moved = cast(pack_sequence([torch.ones(2, 1), torch.ones(1, 1)]), META)
    assert moved.data.device == META
    assert moved.batch_sizes.device == CPU
