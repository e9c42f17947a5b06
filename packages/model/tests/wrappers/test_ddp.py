"""DistributedDataParallel with the three steps, and with names in its errors."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.utils.checkpoint import checkpoint

from eng_model import BaseModel, MMDistributedDataParallel, ParameterError, is_model_wrapper
from eng_registry import MODEL_WRAPPERS


class Net(BaseModel):
    def __init__(self, weighted: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 1)
        self.weighted = weighted

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
        result = self.fc(inputs)
        if mode != "loss":
            return result
        losses = {"loss_fit": (result - data_samples).square(), "bias": self.fc.bias}
        return losses | {"batch_weight": torch.tensor(float(len(inputs)))} if self.weighted else losses


class Idle(Net):
    """Two parameters that no loss depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.idle = nn.Linear(1, 1)


def _batch(size: int = 4) -> dict[str, Tensor]:
    inputs = torch.arange(2.0 * size).view(size, 2) / 8
    return {"inputs": inputs, "data_samples": inputs.sum(1, keepdim=True)}


@pytest.mark.usefixtures("group_of_one")
def test_the_steps_are_the_models(sgd: Any) -> None:
    """A single process trains and predicts as without the wrapper."""
    torch.manual_seed(0)
    net = Net()
    wrapped = MMDistributedDataParallel(copy.deepcopy(net))
    assert is_model_wrapper(wrapped)
    assert MODEL_WRAPPERS.get("MMDistributedDataParallel") is MMDistributedDataParallel
    expected = net.train_step(_batch(), sgd(net))
    actual = wrapped.train_step(_batch(), sgd(wrapped))
    assert expected == actual
    assert [*actual] == ["loss", "loss_fit", "bias"]
    assert torch.equal(net.fc.weight, wrapped.module.fc.weight)
    assert torch.equal(net.val_step(_batch()), wrapped.val_step(_batch()))
    assert torch.equal(net.test_step(_batch()), wrapped.test_step(_batch()))


@pytest.mark.usefixtures("group_of_one")
def test_the_weight_of_a_batch_is_passed_on(sgd: Any) -> None:
    """As the model itself does."""
    for model in (Net(weighted=True), MMDistributedDataParallel(Net(weighted=True))):
        wrapper = sgd(model)
        model.train_step(_batch(3), wrapper)
        assert wrapper.weights == [3.0]


def test_two_processes_train_as_one_on_the_whole_batch(two_ranks: Callable[..., Any], sgd: Any) -> None:
    """Gradients are averaged; in all but the last batch before a step they stay where they are."""
    torch.manual_seed(0)
    net = Net()

    def train() -> list[Tensor]:
        rank = distributed.get_rank()
        wrapped = MMDistributedDataParallel(copy.deepcopy(net))
        wrapper = sgd(wrapped, every=2)
        for _ in range(4):
            wrapped.train_step({key: value[rank::2] for key, value in _batch().items()}, wrapper)
        return [value.detach().tolist() for value in wrapped.module.state_dict().values()]

    one, other = two_ranks(train)
    alone = sgd(net, every=2)
    for _ in range(4):
        net.train_step(_batch(), alone)
    assert one == other
    for expected, actual in zip(net.state_dict().values(), one, strict=True):
        torch.testing.assert_close(torch.tensor(actual), expected)


@pytest.mark.usefixtures("group_of_one")
def test_unused_parameters_are_named(sgd: Any) -> None:
    """torch says `4 5`, and only one step later."""
    wrapped = MMDistributedDataParallel(Idle())
    wrapper = sgd(wrapped)
    wrapped.train_step(_batch(), wrapper)
    with pytest.raises(ParameterError, match=r"2 parameters .*: idle\.weight, idle\.bias\. ") as caught:
        wrapped.train_step(_batch(), wrapper)
    assert caught.value.names == ["idle.weight", "idle.bias"]
    assert "find_unused_parameters=True" in str(caught.value)


@pytest.mark.usefixtures("group_of_one")
def test_parameters_that_get_two_gradients_are_named(sgd: Any) -> None:
    """What is recomputed for each of two uses; with a static graph that is fine."""

    class Recomputed(Net):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)

        def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
            x = self.first(inputs)
            return {"loss": sum(checkpoint(self.fc, x, use_reentrant=True) for _ in range(2))}

    wrapped = MMDistributedDataParallel(Recomputed())
    with pytest.raises(ParameterError, match=r"^fc\.(weight|bias) got its gradient twice") as caught:
        wrapped.train_step(_batch(), sgd(wrapped))
    assert caught.value.names[0].startswith("fc.")
    wrapped = MMDistributedDataParallel(Recomputed(), static_graph=True)
    wrapped.train_step(_batch(), sgd(wrapped))


@pytest.mark.usefixtures("group_of_one")
def test_other_errors_are_left_alone(sgd: Any) -> None:
    """What the model raises comes out as it is."""
    wrapped = MMDistributedDataParallel(Net())
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as caught:
        wrapped.train_step({"inputs": torch.ones(1, 3), "data_samples": torch.ones(1, 1)}, sgd(wrapped))
    assert type(caught.value) is RuntimeError


@pytest.mark.usefixtures("group_of_one")
def test_anomalous_parameters_are_logged(sgd: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In every step, if asked for."""
    wrapped = MMDistributedDataParallel(Idle(), detect_anomalous_params=True, find_unused_parameters=True)
    with caplog.at_level(logging.ERROR, logger="eng_model"):
        wrapped.train_step(_batch(), sgd(wrapped))
    names = [record.getMessage().split()[0] for record in caplog.records]
    assert names == ["module.idle.weight", "module.idle.bias"]


@pytest.mark.usefixtures("group_of_one")
def test_buffers_are_broadcast_unless_told_not_to() -> None:
    """By the documented name, whatever the installed torch calls it."""
    assert MMDistributedDataParallel(Net()).broadcast_buffers
    assert not MMDistributedDataParallel(Net(), broadcast_buffers=False).broadcast_buffers


def _as_on_a_gpu(wrapped: MMDistributedDataParallel) -> MMDistributedDataParallel:
    """Let torch take the branch that moves inputs to `device_ids`, an argument it refuses for a model on the CPU."""
    wrapped.device_ids, wrapped.device_type = [0], "cpu"
    return wrapped


@pytest.mark.usefixtures("group_of_one")
def test_the_steps_work_where_torch_moves_the_inputs(sgd: Any) -> None:
    """On every GPU torch has `device_ids`, and takes the arguments of `forward` apart."""
    torch.manual_seed(0)
    net = Net(weighted=True)
    wrapped = _as_on_a_gpu(MMDistributedDataParallel(copy.deepcopy(net)))
    for batch in (_batch(), list(_batch().values()), {"inputs": _batch()["inputs"], "data_samples": 0}):
        assert net.train_step(batch, sgd(net)) == wrapped.train_step(batch, sgd(wrapped))
    assert torch.equal(net.val_step(_batch()), wrapped.val_step(_batch()))
    assert torch.equal(net.test_step(_batch()), wrapped.test_step(_batch()))


@pytest.mark.usefixtures("group_of_one")
def test_a_model_without_inputs_can_be_called_on_a_gpu() -> None:
    """One that draws its own; torch would take the first of no moved inputs."""

    class Source(nn.Linear):
        def forward(self) -> Tensor:
            return self.weight.sum()

    wrapped = _as_on_a_gpu(MMDistributedDataParallel(Source(2, 1, bias=False)))
    wrapped().backward()
    assert wrapped.module.weight.grad.tolist() == [[1.0, 1.0]]
