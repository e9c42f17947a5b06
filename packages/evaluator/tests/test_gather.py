"""Tests of `eng_evaluator.gather`: what crosses from rank to rank comes out equal."""

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from eng_evaluator.gather import gather_parts, pack, to_cpu, unpack
from eng_structures import BaseDataElement

Box = namedtuple("Box", ["corners", "score"])

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.float16,
    torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128, torch.float8_e4m3fn,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (0, 4)], ids=str)
def test_tensors_of_any_type_and_shape(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Numbers that numpy lacks too."""
    tensor = torch.ones(shape).to(dtype)
    again = unpack(pack(tensor))
    assert (again.dtype, again.shape) == (dtype, tensor.shape)
    assert torch.equal(again.float() if not dtype.is_complex else again, tensor.float() if not dtype.is_complex else tensor)  # noqa: E501 # fmt: skip


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).t(),
        torch.ones(2, requires_grad=True) * 2,
        torch.tensor([1 + 2j]).conj(),
        torch.eye(3).to_sparse(),
    ],
    ids=["transposed", "with history", "conjugated", "sparse"],
)
def test_tensors_of_any_kind(tensor: torch.Tensor) -> None:
    """Views, results of functions, other layouts."""
    again = unpack(pack(tensor))
    assert not again.requires_grad
    assert torch.equal(again.to_dense(), tensor.detach().to_dense())


def test_a_view_is_as_large_as_what_it_shows() -> None:
    """A row does not bring its batch along."""
    assert len(pack(torch.zeros(10_000)[5])) < 300


def test_data_elements_cross_too() -> None:
    """With their metainfo."""
    element = BaseDataElement(metainfo={"path": "x"}, boxes=torch.ones(2, 4))
    again = unpack(pack({"sample": element}))["sample"]
    assert again.metainfo == {"path": "x"}
    assert torch.equal(again.boxes, element.boxes)


def test_to_cpu_goes_through_everything() -> None:
    """And keeps the kinds of containers."""
    data = {"a": [Box(torch.ones(1, requires_grad=True), 2)], "b": (torch.ones(1), "text"), "c": None}
    moved = to_cpu(data)
    assert type(moved["a"][0]) is Box
    assert not moved["a"][0].corners.requires_grad
    assert moved["b"] == data["b"]
    assert moved["c"] is None


def gathered(rank: int, folder: str | None) -> Any:
    return gather_parts({"rank": rank, "tensor": torch.full((2,), rank)}, folder=folder)


@pytest.mark.parametrize("with_files", [False, True])
def test_the_main_process_gets_the_parts_in_order(with_files: bool, tmp_path: Path) -> None:
    """Through the process group, or through files; the others get nothing."""
    folder = str(tmp_path / "shared") if with_files else None
    parts, nothing = on_ranks(2, gathered, tmp_path, folder)
    assert nothing is None
    assert [part["rank"] for part in parts] == [0, 1]
    assert [part["tensor"].tolist() for part in parts] == [[0, 0], [1, 1]]
