"""parse_losses: what is optimised, what is logged."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from eng_model import parse_losses


def _parse(**losses: Any) -> tuple[float, dict[str, float]]:
    total, log_vars = parse_losses(losses)
    return float(total), {name: float(value) for name, value in log_vars.items()}


def test_names_with_loss_are_summed_and_all_are_logged() -> None:
    """Tensors count as their mean, lists as the sum of their means; the sum is shown first."""
    total, log_vars = _parse(
        loss_cls=torch.tensor([1.0, 3.0]),
        aux_loss=[torch.tensor(1.0), torch.tensor([2.0, 4.0])],
        acc=torch.tensor(9.0),
    )
    assert total == 6.0
    assert list(log_vars.items()) == [("loss", 6.0), ("loss_cls", 2.0), ("aux_loss", 4.0), ("acc", 9.0)]


def test_an_entry_called_loss_is_shown_as_the_model_returned_it() -> None:
    """`loss` is optimised together with the others, but shown alone, at the first place."""
    total, log_vars = _parse(loss_aux=torch.tensor(2.0), loss=torch.tensor(1.0))
    assert total == 3.0
    assert list(log_vars.items()) == [("loss", 1.0), ("loss_aux", 2.0)]


def test_the_total_has_a_graph_and_the_log_has_none() -> None:
    """Only the number that is optimised can be differentiated."""
    weight = torch.ones(3, requires_grad=True)
    total, log_vars = parse_losses({"loss_a": weight * 2, "loss_b": [weight.sum()]})
    total.backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == pytest.approx([2 / 3 + 1] * 3)
    assert not any(value.requires_grad for value in log_vars.values())


def test_parameters_and_other_tensor_classes_count_as_tensors() -> None:
    """A loss may be any subclass of Tensor."""
    total, _ = parse_losses({"loss": torch.nn.Parameter(torch.tensor([1.0, 2.0]))})
    assert total.item() == 1.5


@pytest.mark.parametrize("value", [1.0, "1", [], [1.0], {"a": torch.tensor(1.0)}, None])
def test_values_that_are_no_tensors_are_named(value: Any) -> None:
    """A number would have lost its graph: it is refused."""
    with pytest.raises(TypeError, match="`loss_x` of the losses is a"):
        parse_losses({"loss_x": value})


def test_nothing_to_optimise_is_an_error() -> None:
    """The names that are there are in the message."""
    with pytest.raises(ValueError, match=r"\['acc'\]"):
        parse_losses({"acc": torch.tensor(1.0)})


def test_a_loss_alone_is_no_mapping() -> None:
    """The habit of other libraries; the error shows what to return."""
    with pytest.raises(TypeError, match=r"returned a Tensor; .* as in `return \{'loss': loss\}`"):
        parse_losses(torch.tensor(1.0))  # type: ignore[arg-type]  # that is the point
