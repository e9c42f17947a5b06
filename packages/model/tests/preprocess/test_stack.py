"""stack_batch: what is padded, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from eng_model import stack_batch


def test_tensors_of_one_size_are_stacked() -> None:
    """Nothing to pad."""
    assert stack_batch([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)]).sum(dim=(1, 2, 3)).tolist() == [0.0, 12.0]


@pytest.mark.parametrize(("divisor", "shape"), [(1, (2, 1, 3, 5)), (2, (2, 1, 4, 6)), (32, (2, 1, 32, 32))])
def test_sizes_are_the_largest_rounded_up(divisor: int, shape: tuple[int, ...]) -> None:
    """Height and width each on their own."""
    assert stack_batch([torch.ones(1, 3, 2), torch.ones(1, 1, 5)], divisor).shape == shape


def test_padding_is_at_the_end_and_has_the_value() -> None:
    """The content keeps its place and its type."""
    stacked = stack_batch([torch.tensor([[1, 2]]), torch.tensor([[3, 4, 5]])], pad_value=9)
    assert stacked.tolist() == [[[1, 2, 9]], [[3, 4, 5]]]
    assert stacked.dtype == torch.int64


def test_any_number_of_dimensions_is_padded_but_the_first() -> None:
    """Volumes too."""
    assert stack_batch([torch.ones(2, 1, 2, 3), torch.ones(2, 3, 2, 1)]).shape == (2, 2, 3, 2, 3)


def test_gradients_flow_through_the_padding() -> None:
    """Padding is part of the graph if its inputs are."""
    first, second = torch.ones(1, 1, requires_grad=True), torch.ones(1, 2, requires_grad=True)
    stack_batch([first, second]).sum().backward()
    assert first.grad is not None
    assert first.grad.tolist() == [[1.0]]


@pytest.mark.parametrize(
    "tensors",
    [[], torch.ones(2, 3), [torch.ones(1, 2), torch.ones(1, 2, 2)], [torch.ones(1, 2), torch.ones(3, 2)]],
)
def test_what_cannot_be_stacked_is_refused(tensors: Any) -> None:
    """An empty list, no list, other numbers of dimensions, other first sizes."""
    with pytest.raises(AssertionError, match="stack_batch"):
        stack_batch(tensors)
