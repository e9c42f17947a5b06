from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from eng_dist import (
    all_gather,
    all_reduce,
    all_reduce_dict,
    all_reduce_params,
    barrier,
    broadcast,
    gather,
    get_local_group,
    get_rank,
    init_local_group,
)

Run = Callable[..., list[Any]]


def test_in_one_process_nothing_travels() -> None:
    """Each function answers as rank 0 of a world of one, with the very tensor that it was given."""
    data = torch.tensor([3, 4])
    barrier()
    all_reduce(data, "MEAN")
    broadcast(data)
    all_reduce_dict({"a": data})
    all_reduce_params([data])
    assert all_gather(data)[0] is data
    assert gather(data)[0] is data
    assert data.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("sum", [5, 9]),
        ("mean", [2, 4]),
        ("product", [6, 20]),
        ("min", [2, 4]),
        ("max", [3, 5]),
        ("band", [2, 4]),
        ("bor", [3, 5]),
        ("bxor", [1, 1]),
        ("SUM", [5, 9]),
    ],
)
def test_all_reduce_knows_the_documented_reductions(run: Run, op: str, expected: list[int]) -> None:
    """The data stays of its type: the mean of integers is cut."""

    def body() -> Tensor:
        data = torch.tensor([[2, 4], [3, 5]])[get_rank()]
        all_reduce(data, op)
        return data.tolist()

    assert run(body) == [expected, expected]


def test_an_unknown_reduction_is_refused_in_one_process_too() -> None:
    """A wrong name shows before the job runs on many machines."""
    for call in (
        lambda: all_reduce(torch.ones(1), "median"),
        lambda: all_reduce_dict({}, "median"),
        lambda: all_reduce_params([], op="median"),
    ):
        with pytest.raises(ValueError, match="there is no reduction 'median'; there are band, bor"):
            call()


def test_data_that_is_not_contiguous_or_has_a_history_is_reduced_in_place(run: Run) -> None:
    """What the backend cannot take as it is travels as a copy, and is written back."""

    def body() -> Any:
        transposed = torch.arange(6.0).reshape(2, 3).T
        weight = torch.nn.Parameter(torch.full((2,), float(get_rank())))
        all_reduce(transposed)
        broadcast(weight, src=1)
        return transposed.tolist(), weight.tolist(), weight.requires_grad

    assert run(body) == [([[0.0, 6.0], [2.0, 8.0], [4.0, 10.0]], [1.0, 1.0], True)] * 2


def test_all_gather_and_gather_keep_the_order_of_ranks(run: Run) -> None:
    """all_gather answers everybody, gather only dst."""

    def body() -> Any:
        data = torch.tensor([get_rank()])
        return [part.item() for part in all_gather(data)], [part.item() for part in gather(data, dst=1)]

    assert run(body) == [([0, 1], []), ([0, 1], [0, 1])]


@pytest.mark.parametrize(
    "kind", [torch.bool, torch.int16, torch.bfloat16, torch.float8_e4m3fn, torch.complex64]
)
def test_what_is_only_moved_can_be_of_any_type(run: Run, kind: torch.dtype) -> None:
    """gloo itself knows a few; scalars and empty tensors travel too."""

    def body() -> Any:
        scalar = torch.tensor(1).to(kind)
        moved = torch.tensor([[get_rank()]]).to(kind)
        broadcast(moved, src=1)
        parts = [*all_gather(scalar), *gather(scalar, dst=1)]
        assert all(part.equal(scalar) and part.dtype == kind for part in parts)
        empty = all_gather(torch.empty(0, 3, dtype=kind))
        return moved.equal(torch.ones(1, 1).to(kind)), len(parts), [tuple(part.shape) for part in empty]

    assert run(body) == [(True, 2, [(0, 3)] * 2), (True, 4, [(0, 3)] * 2)]


def test_a_dict_is_reduced_by_its_keys_whatever_their_order_and_types(run: Run) -> None:
    """Two ranks may have filled their dicts in another order; integers and floats do not mix."""

    def body() -> Any:
        values = {"loss": torch.tensor(0.5), "count": torch.tensor([[2], [3]])}
        names = ["loss", "count"] if get_rank() else ["count", "loss"]
        data = {name: values[name] for name in names}
        all_reduce_dict(data)
        return data["loss"].item(), data["count"].tolist(), data["count"].dtype

    assert run(body) == [(1.0, [[4], [6]], torch.int64)] * 2


def test_only_a_dict_is_reduced_as_one() -> None:
    """A list has no keys that ranks could agree on."""
    with pytest.raises(AssertionError, match="expected a dict of tensors, but found list"):
        all_reduce_dict([torch.ones(1)])  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"coalesce": False}, {"bucket_size_mb": 1e-5}])
def test_params_of_several_types_are_averaged_in_place(run: Run, options: dict[str, Any]) -> None:
    """One by one, by type, or in buckets of ten bytes: the result is the same."""

    def body() -> Any:
        model = torch.nn.BatchNorm1d(3)
        model.running_mean.fill_(get_rank())
        model.num_batches_tracked.fill_(2 * get_rank())
        all_reduce_params(model.buffers(), op="mean", **options)
        return model.running_mean.tolist(), model.running_var.tolist(), model.num_batches_tracked.item()

    assert run(body) == [([0.5] * 3, [1.0] * 3, 1)] * 2


def test_a_group_is_a_world_of_its_own(run: Run) -> None:
    """Four ranks on two machines of two: each pair reduces for itself, and outsiders are left alone."""

    def body() -> Any:
        init_local_group(get_rank() // 2, 2)
        inside = torch.tensor(get_rank())
        all_reduce(inside, group=get_local_group())
        first = torch.distributed.new_group([0, 1])
        outside = torch.tensor(get_rank())
        parts = all_gather(
            outside, first if get_rank() < 2 else torch.distributed.GroupMember.NON_GROUP_MEMBER
        )
        return inside.item(), [part.item() for part in parts]

    assert run(body, 4) == [(1, [0, 1]), (1, [0, 1]), (5, [2]), (5, [3])]
