"""What all averaged models share."""

from __future__ import annotations

import pytest
import torch
from host_waits import HostWaits
from torch import Tensor, nn

from eng_model import BaseAveragedModel, ExponentialMovingAverage, StochasticWeightAverage


def _net(value: float = 0.0) -> nn.Sequential:
    net = nn.Sequential(nn.Conv1d(1, 2, 1), nn.BatchNorm1d(2))
    _set(net, value)
    return net


def _set(net: nn.Module, value: float) -> None:
    for tensor in [*net.parameters(), *net.buffers()]:
        nn.init.constant_(tensor, value) if tensor.is_floating_point() else tensor.fill_(int(value))


def _values(net: nn.Module) -> dict[str, float]:
    return {name: float(value.flatten()[0].detach()) for name, value in net.state_dict().items()}


def test_the_copy_has_no_gradients_and_is_independent() -> None:
    """Training the model does not move the average."""
    net = _net(1.0)
    averaged = StochasticWeightAverage(net)
    assert not any(parameter.requires_grad for parameter in averaged.module.parameters())
    assert all(parameter.requires_grad for parameter in net.parameters())
    _set(net, 5.0)
    assert set(_values(averaged.module).values()) == {1.0}


def test_the_first_update_copies() -> None:
    """Whatever the rule, there is nothing to average yet."""
    net = _net(1.0)
    averaged = ExponentialMovingAverage(net, momentum=0.1)
    _set(net, 3.0)
    averaged.update_parameters(net)
    assert set(_values(averaged.module).values()) == {3.0}
    assert averaged.steps.item() == 1


def test_buffers_are_copied_in_every_update() -> None:
    """Also in those that average nothing."""
    net = _net(0.0)
    averaged = StochasticWeightAverage(net, interval=2)
    seen = []
    for value in (0.0, 4.0, 8.0):
        _set(net, value)
        averaged.update_parameters(net)
        values = _values(averaged.module)
        seen.append((values["0.weight"], values["1.running_mean"], values["1.num_batches_tracked"]))
    assert seen == [(0.0, 0.0, 0.0), (0.0, 4.0, 4.0), (4.0, 8.0, 8.0)]


def test_floating_buffers_can_be_averaged() -> None:
    """Counters are copied, never averaged."""
    net = _net(0.0)
    averaged = StochasticWeightAverage(net, update_buffers=True)
    for value in (0.0, 4.0):
        _set(net, value)
        averaged.update_parameters(net)
    values = _values(averaged.module)
    assert values["1.running_mean"] == values["0.weight"] == 2.0
    assert values["1.num_batches_tracked"] == 4.0


def test_the_average_may_live_elsewhere_and_in_another_type() -> None:
    """The model's tensors are brought over for the update."""
    net = nn.Linear(1, 1).double()
    averaged = StochasticWeightAverage(net, device="cpu").float()
    for value in (0.0, 4.0):
        _set(net, value)
        averaged.update_parameters(net)
    assert averaged.module.weight.dtype == torch.float32
    assert averaged.module.weight.item() == 2.0


def test_the_device_is_that_of_the_average_alone() -> None:
    """The counter stays on the CPU wherever the average goes."""
    averaged = StochasticWeightAverage(nn.Linear(1, 1), device="meta")
    assert averaged.module.weight.device.type == "meta"
    assert averaged.steps.device.type == "cpu"
    assert StochasticWeightAverage(nn.Linear(1, 1)).to("meta").steps.device.type == "cpu"


def test_forward_is_the_averages() -> None:
    """It can be used as the model."""
    net = nn.Linear(1, 1)
    x = torch.ones(1, 1)
    assert torch.equal(StochasticWeightAverage(net)(x), net(x))


def test_state_goes_around() -> None:
    """Saved and loaded, it goes on as if nothing had happened."""
    net, other = _net(), _net()
    one, two = ExponentialMovingAverage(net, momentum=0.3), ExponentialMovingAverage(other, momentum=0.3)
    for value in (1.0, 2.0):
        _set(net, value)
        one.update_parameters(net)
    assert "steps" in one.state_dict()
    two.load_state_dict(one.state_dict())
    _set(net, 7.0)
    one.update_parameters(net)
    two.update_parameters(net)
    assert _values(one) == _values(two)


def test_swapping_exchanges_values_in_place() -> None:
    """The optimizer's parameters stay the same objects; twice is as before."""
    net = _net(1.0)
    averaged = StochasticWeightAverage(net, update_buffers=True)
    _set(net, 2.0)
    weight = net[0].weight
    averaged.swap_with(net)
    assert set(_values(net).values()) == {1.0}
    assert set(_values(averaged.module).values()) == {2.0}
    assert net[0].weight is weight
    averaged.swap_with(net)
    assert set(_values(net).values()) == {2.0}


def test_swapping_leaves_buffers_that_are_not_averaged() -> None:
    """They are the model's own."""
    net = _net(1.0)
    averaged = StochasticWeightAverage(net)
    _set(net, 2.0)
    averaged.swap_with(net)
    values = _values(net)
    assert values["0.weight"] == 1.0
    assert values["1.running_mean"] == 2.0


def test_another_model_is_refused() -> None:
    """Its parameters have no counterparts."""
    with pytest.raises(ValueError, match="zip"):
        StochasticWeightAverage(nn.Linear(1, 1)).update_parameters(nn.Linear(1, 1, bias=False))


def test_a_rule_of_ones_own_is_one_function() -> None:
    """`avg_func` for one tensor is all it takes."""

    class Largest(BaseAveragedModel):
        def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
            averaged_param.copy_(torch.maximum(averaged_param, source_param))

    net = nn.Linear(1, 1)
    largest = Largest(net)
    for value in (1.0, 5.0, 2.0):
        _set(net, value)
        largest.update_parameters(net)
    assert largest.module.weight.item() == 5.0


def test_a_subclass_may_replace_the_rule_of_a_ready_one() -> None:
    """The fused path steps aside."""

    class Half(ExponentialMovingAverage):
        def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
            averaged_param.copy_((averaged_param + source_param) / 2)

    net = nn.Linear(1, 1)
    half = Half(net, momentum=0.1)
    for value in (0.0, 8.0):
        _set(net, value)
        half.update_parameters(net)
    assert half.module.weight.item() == 4.0


def test_it_is_abstract() -> None:
    """Without a rule there is no average."""
    with pytest.raises(TypeError, match="avg_func"):
        BaseAveragedModel(nn.Linear(1, 1))  # type: ignore[abstract]


def test_an_interval_of_nothing_is_told():
    """Before the first update divides by it."""
    with pytest.raises(ValueError, match="interval=0"):
        ExponentialMovingAverage(nn.Linear(1, 1), interval=0)


def _norms(count: int) -> nn.Sequential:
    return nn.Sequential(*(nn.BatchNorm1d(2) for _ in range(count)))


@pytest.mark.parametrize("update_buffers", [False, True])
def test_the_number_of_launches_does_not_depend_on_the_layers(update_buffers):
    """53 batch norms have 159 buffers: copied by two launches, those of floats and those that count."""
    net = _norms(53).to("meta")
    averaged = ExponentialMovingAverage(net, update_buffers=update_buffers)
    with HostWaits() as seen:
        for _ in range(3):
            averaged.update_parameters(net)
    assert seen.waits == []
    assert set(seen.launches) == {"_foreach_copy_", "_foreach_lerp_"}
    assert len(seen.launches) <= 3 * 3


def test_an_average_on_the_cpu_waits_once(monkeypatch):
    """Not for each tensor: the copies are queued, and read when all of them are there."""
    net = _norms(53).to("meta")
    averaged = ExponentialMovingAverage(net)
    averaged.module = _norms(53)
    averaged.steps += 1
    waits = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waits.append)
    with HostWaits() as seen:
        averaged.update_parameters(net)
    assert waits == [torch.device("meta")]
    assert seen.waits == []


def test_averages_of_several_types_are_exact():
    """A group has one type; the order of the tensors does not matter."""
    net = nn.ModuleList(
        [nn.Linear(2, 2), nn.Linear(2, 2).double(), nn.BatchNorm1d(2), nn.Linear(2, 2).half()]
    )
    averaged = ExponentialMovingAverage(net, momentum=0.25, update_buffers=True)
    averaged.update_parameters(net)
    before = [each.clone() for each in [*net.parameters(), *net.buffers()]]
    with torch.no_grad():
        for each in [*net.parameters(), *net.buffers()]:
            each.add_(3)
    averaged.update_parameters(net)
    for ours, old in zip([*averaged.module.parameters(), *averaged.module.buffers()], before, strict=True):
        expected = old.lerp(old + 3, 0.25) if old.is_floating_point() else old + 3
        assert torch.equal(ours, expected)
