"""Several optimizers as one thing: what is gathered, and what is left to the members."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from eng_optim import OptimWrapper, OptimWrapperDict, SettingError


@pytest.fixture
def wrappers() -> OptimWrapperDict:
    """A generator with two groups and a critic with one."""
    generator = nn.Linear(1, 1)
    groups = [{"params": [generator.weight], "lr": 0.02}, {"params": [generator.bias]}]
    return OptimWrapperDict(
        gen=OptimWrapper(SGD(groups, lr=0.01, momentum=0.5)),
        disc=OptimWrapper(Adam(nn.Linear(1, 1).parameters(), lr=0.03)),
    )


def test_rates_and_momentum_have_the_names_in_front(wrappers: OptimWrapperDict) -> None:
    """Values of all members come together, `base_lr` before `lr`."""
    assert list(wrappers.get_lr().items()) == [
        ("gen.base_lr", [0.01]),
        ("gen.lr", [0.02, 0.01]),
        ("disc.lr", [0.03]),
    ]
    assert wrappers.get_momentum() == {"gen.momentum": [0.5, 0.5], "disc.momentum": [0.9]}


def test_it_is_a_mapping(wrappers: OptimWrapperDict) -> None:
    """Everything that reads a mapping reads the members."""
    assert isinstance(wrappers, OptimWrapper)
    assert list(wrappers) == list(wrappers.keys()) == ["gen", "disc"]
    assert list(wrappers.values()) == [wrappers["gen"], wrappers["disc"]]
    assert dict(wrappers.items())["gen"] is wrappers["gen"]
    assert len(wrappers) == 2
    assert "gen" in wrappers
    assert "other" not in wrappers
    assert "name: gen\n" in repr(wrappers)
    assert "name: disc\n" in repr(wrappers)


def test_groups_and_defaults_by_name(wrappers: OptimWrapperDict) -> None:
    """Each member's groups and defaults are under its name."""
    assert [len(groups) for groups in wrappers.param_groups.values()] == [3, 1]
    assert wrappers.defaults["disc"]["betas"] == (0.9, 0.999)


@pytest.mark.parametrize(
    "call",
    [
        lambda wrappers: wrappers.update_params(torch.zeros(())),
        lambda wrappers: wrappers.backward(torch.zeros(())),
        lambda wrappers: wrappers.step(),
        lambda wrappers: wrappers.optim_context(nn.Linear(1, 1)),
    ],
)
def test_steps_belong_to_the_members(wrappers: OptimWrapperDict, call: Callable[[Any], object]) -> None:
    """What only one optimizer can do says whom to ask."""
    with pytest.raises(NotImplementedError, match="use it on one of gen, disc"):
        call(wrappers)


def test_counts_are_sums(wrappers: OptimWrapperDict) -> None:
    """Steps of all members count; the training need not be announced to them."""
    wrappers.initialize_count_status(nn.Linear(1, 1), 0, 10)
    for name, steps in (("gen", 2), ("disc", 3)):
        for _ in range(steps):
            parameter = wrappers[name].optimizer.param_groups[0]["params"][0]
            wrappers[name].update_params(parameter.sum())
    assert (wrappers.step_count, wrappers.inner_count, wrappers.grad_norm) == (5, 5, None)


def test_gradients_of_all_are_forgotten(wrappers: OptimWrapperDict) -> None:
    """`zero_grad` reaches every member."""
    parameters = [wrapper.optimizer.param_groups[0]["params"][0] for wrapper in wrappers.values()]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    wrappers.zero_grad()
    assert [parameter.grad for parameter in parameters] == [None, None]


def test_state_round_trip(wrappers: OptimWrapperDict) -> None:
    """The state of each member goes back to the member of that name."""
    wrappers["gen"].optimizer.param_groups[0]["lr"] = 0.5
    state = wrappers.state_dict()
    wrappers["gen"].optimizer.param_groups[0]["lr"] = 0.1
    wrappers.load_state_dict(state)
    assert wrappers.get_lr()["gen.lr"] == [0.5, 0.01]


def test_unknown_member(wrappers: OptimWrapperDict) -> None:
    """A name that is not there is an error that says which are."""
    with pytest.raises(SettingError, match="no optimizer `other`; there are gen, disc"):
        wrappers["other"]
    with pytest.raises(SettingError, match="no optimizer `other`"):
        wrappers.load_state_dict({"other": {}})


def test_members_are_wrappers() -> None:
    """A bare optimizer among the members is refused by name."""
    optimizer: Any = SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with pytest.raises(SettingError, match="`gen` is an OptimWrapper, not SGD"):
        OptimWrapperDict(gen=optimizer)
