"""Tests of `eng_evaluator.packing`: what is packed comes out equal, and small."""

import pickle

import pytest
import torch

from eng_evaluator.packing import as_unpacked, pack, self_contained, unpack
from eng_structures import BaseDataElement

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


def test_what_holds_no_tensor_need_not_be_copied() -> None:
    """What stays in its process is as if it had travelled: tensors without history, also those of other layouts."""
    plain = [{"a": 1}]
    assert as_unpacked(plain) is plain
    with_history = torch.ones(2, requires_grad=True) * 2
    for tensor in (with_history, with_history.to_sparse()):
        (copy,) = as_unpacked([tensor])
        assert not copy.requires_grad
        assert torch.equal(copy.to_dense(), torch.full((2,), 2.0))


def test_many_tensors_come_back_in_their_places() -> None:
    """Of several types and shapes, one of them in two places."""
    shared = torch.arange(3)
    data = [
        {"a": torch.full((number % 3,), float(number)), "b": [torch.tensor(number), shared]}
        for number in range(10)
    ]
    again = unpack(pack(data))
    assert all(torch.equal(old["a"], new["a"]) for old, new in zip(data, again, strict=True))
    assert [int(result["b"][0]) for result in again] == list(range(10))
    assert all(result["b"][1] is again[0]["b"][1] for result in again)


def test_packed_bytes_are_for_unpack() -> None:
    """What they hold without their columns is refused."""
    _, body = pickle.loads(pack([torch.ones(1)]))
    with pytest.raises(pickle.UnpicklingError, match="are read by `unpack`"):
        pickle.loads(body)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_pickle_for_a_file_needs_only_torch(dtype: torch.dtype) -> None:
    """Any type of number."""
    tensor = torch.ones(2, 3).to(dtype)
    (again,) = pickle.loads(self_contained([tensor]))
    assert again.dtype == dtype
    assert pack(again) == pack(tensor)
