# ruff: noqa: C408  # configurations are spelled as the documentation spells them
"""What the documentation shows of optimizer wrappers and schedules, snippet by snippet, with the numbers it promises.

Autocast and gradient scaler follow the device of the parameters, so the mixed-precision snippets run on each device
of this machine.
"""

import io
import logging
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD

from eng_optim import (
    AmpOptimWrapper,
    CosineAnnealingLR,
    DefaultOptimWrapperConstructor,
    LinearLR,
    LinearParamScheduler,
    MultiStepLR,
    OptimWrapper,
    OptimWrapperDict,
    build_optim_wrapper,
    plan,
)
from eng_registry import OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS

logger = logging.getLogger(__name__)

INPUTS = [torch.zeros(10, 1, 1)] * 10
TARGETS = [torch.ones(10, 1, 1)] * 10


def twins(device: str = "cpu") -> tuple[nn.Linear, SGD, nn.Linear, SGD]:
    """Two equal models, each with its optimizer."""
    model, twin = nn.Linear(1, 1).to(device), nn.Linear(1, 1).to(device)
    twin.load_state_dict(model.state_dict())
    return model, SGD(model.parameters(), lr=0.01), twin, SGD(twin.parameters(), lr=0.01)


# -- OptimWrapper vs Optimizer -------------------------------------------------------------------------------------
def test_single_precision() -> None:
    """`update_params` is backward, step and zero."""
    model, optimizer, twin, twin_optimizer = twins()
    optim_wrapper = OptimWrapper(optimizer=optimizer)
    for input, target in zip(INPUTS, TARGETS, strict=True):
        loss = functional.l1_loss(model(input), target)
        optim_wrapper.update_params(loss)

        functional.l1_loss(twin(input), target).backward()
        twin_optimizer.step()
        twin_optimizer.zero_grad()
    assert torch.equal(model.bias, twin.bias)
    assert model.bias.grad is None


@pytest.mark.parametrize("accumulative_counts", [1, 2])
def test_mixed_precision_and_accumulation(device: str, accumulative_counts: int) -> None:
    """`optim_context` around the forward pass, `update_params` after it; accumulation is one argument."""
    model, optimizer, twin, twin_optimizer = twins(device)
    optim_wrapper = AmpOptimWrapper(optimizer=optimizer, accumulative_counts=accumulative_counts)
    for index, (input, target) in enumerate(zip(INPUTS, TARGETS, strict=True)):
        with optim_wrapper.optim_context(model):
            output = model(input.to(device))
        assert output.dtype == (torch.bfloat16 if device == "cpu" else torch.float16)
        optim_wrapper.update_params(functional.l1_loss(output.float(), target.to(device)))

        with torch.autocast(device):
            output = twin(input.to(device))
        (functional.l1_loss(output.float(), target.to(device)) / accumulative_counts).backward()
        if (index + 1) % accumulative_counts == 0:
            twin_optimizer.step()
            twin_optimizer.zero_grad()
    assert torch.allclose(model.bias, twin.bias)
    assert optim_wrapper.step_count == 10 // accumulative_counts


def test_finer_grained(device: str) -> None:
    """`backward`, `step` and `zero_grad` are there for a logic of one's own."""
    model, optimizer, _, _ = twins(device)
    optim_wrapper = AmpOptimWrapper(optimizer=optimizer)
    before = model.bias.item()
    for index, (input, target) in enumerate(zip(INPUTS, TARGETS, strict=True)):
        optimizer.zero_grad()
        with optim_wrapper.optim_context(model):
            output = model(input.to(device))
        loss = functional.l1_loss(output.float(), target.to(device))
        optim_wrapper.backward(loss)
        if index % 2 == 0:
            optim_wrapper.step()
            optim_wrapper.zero_grad()
    # the gradient of |bias - 1| is -1 or 1; each of the five steps is 0.01 long
    assert abs(model.bias.item() - before) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("clip_grad", "expected"), [({"max_norm": 1}, [0.6, 0.8]), ({"clip_value": 0.2}, [0.2, 0.2])]
)
def test_clipping(device: str, clip_grad: dict[str, float], expected: list[float]) -> None:
    """By the norm of all gradients, or by each value: the key says which."""
    parameter = nn.Parameter(torch.zeros(2, device=device))
    optimizer = SGD([parameter], lr=1.0)
    optim_wrapper = AmpOptimWrapper(optimizer=optimizer, clip_grad=clip_grad)
    optim_wrapper.update_params((parameter * torch.tensor([-3.0, -4.0], device=device)).sum())
    assert parameter.tolist() == pytest.approx(expected, rel=1e-5)


def test_get_lr_and_momentum() -> None:
    """Of a model with one group."""
    model = nn.Linear(1, 1)
    optimizer = SGD(model.parameters(), lr=0.01)
    optim_wrapper = OptimWrapper(optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert optimizer.param_groups[0]["momentum"] == 0
    assert optim_wrapper.get_lr() == {"lr": [0.01]}
    assert optim_wrapper.get_momentum() == {"momentum": [0]}


def test_state_dicts() -> None:
    """They can be exported and loaded, those of mixed precision with the scaler's."""
    model = nn.Linear(1, 1)
    optimizer = SGD(model.parameters(), lr=0.01)
    optim_wrapper = OptimWrapper(optimizer=optimizer)
    amp_optim_wrapper = AmpOptimWrapper(optimizer=optimizer, dtype="float16")

    optim_state_dict = optim_wrapper.state_dict()
    amp_optim_state_dict = amp_optim_wrapper.state_dict()
    assert optim_state_dict == optimizer.state_dict()
    assert amp_optim_state_dict["loss_scaler"]["scale"] == 65536.0

    optim_wrapper_new = OptimWrapper(optimizer=optimizer)
    amp_optim_wrapper_new = AmpOptimWrapper(optimizer=optimizer, dtype="float16")
    amp_optim_state_dict["loss_scaler"]["scale"] = 8.0
    amp_optim_wrapper_new.load_state_dict(amp_optim_state_dict)
    optim_wrapper_new.load_state_dict(optim_state_dict)
    assert amp_optim_wrapper_new.state_dict()["loss_scaler"]["scale"] == 8.0
    assert optim_wrapper_new.state_dict() == optim_state_dict


def test_several_optimizers() -> None:
    """A dict of wrappers exports rates, momenta and states of all of them."""
    gen, disc = nn.Linear(1, 1), nn.Linear(1, 1)
    optim_dict = OptimWrapperDict(
        gen=OptimWrapper(optimizer=SGD(gen.parameters(), lr=0.01)),
        disc=OptimWrapper(optimizer=SGD(disc.parameters(), lr=0.01)),
    )
    assert optim_dict.get_lr() == {"gen.lr": [0.01], "disc.lr": [0.01]}
    assert optim_dict.get_momentum() == {"gen.momentum": [0], "disc.momentum": [0]}
    assert list(optim_dict.state_dict()) == ["gen", "disc"]


# -- configuring it ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"type": "OptimWrapper"}, OptimWrapper),
        ({}, OptimWrapper),
        ({"type": "AmpOptimWrapper", "accumulative_counts": 2}, AmpOptimWrapper),
    ],
)
def test_configured(more: dict[str, Any], kind: type[OptimWrapper]) -> None:
    """The type may be left out; accumulation and mixed precision are two keys."""
    optimizer = dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=0.0001)
    optim_wrapper = build_optim_wrapper(nn.Linear(1, 1), dict(optimizer=optimizer, **more))
    assert type(optim_wrapper) is kind
    assert optim_wrapper.get_momentum() == {"momentum": [0.9]}
    assert ("_accumulative_counts: 2" in repr(optim_wrapper)) == ("accumulative_counts" in more)


class ToyModel(nn.Module):
    """A backbone of two layers and a head with a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict(dict(layer0=nn.Linear(1, 1), layer1=nn.Linear(1, 1)))
        self.head = nn.Sequential(OrderedDict(linear=nn.Linear(1, 1), bn=nn.BatchNorm1d(1)))


def by_name(model: nn.Module, wrapper: OptimWrapper, key: str) -> dict[str, float]:
    """A setting of each parameter's group."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[group["params"][0]]: group[key] for group in wrapper.optimizer.param_groups}


def test_types_of_parameters() -> None:
    """`norm_decay_mult=0`: the weight and the bias of the norm do not decay, everything else does."""
    model = ToyModel()
    optim_wrapper = dict(
        optimizer=dict(type="SGD", lr=0.01, weight_decay=0.0001), paramwise_cfg=dict(norm_decay_mult=0)
    )
    decays = by_name(model, build_optim_wrapper(model, optim_wrapper), "weight_decay")
    assert {name for name, decay in decays.items() if decay == 0} == {"head.bn.weight", "head.bn.bias"}
    assert set(decays.values()) == {0, 0.0001}


def test_parts_of_the_model() -> None:
    """`custom_keys`: a longer key comes before a shorter one."""
    model = ToyModel()
    optim_wrapper = dict(
        optimizer=dict(type="SGD", lr=0.01, weight_decay=0.0001),
        paramwise_cfg=dict(
            custom_keys={
                "backbone.layer0": dict(lr_mult=0, decay_mult=0),
                "backbone": dict(lr_mult=1),
                "head": dict(lr_mult=0.1),
            }
        ),
    )
    wrapper = build_optim_wrapper(model, optim_wrapper)
    rates, decays = by_name(model, wrapper, "lr"), by_name(model, wrapper, "weight_decay")
    assert [name for name, _ in ToyModel().named_parameters()] == list(rates)
    for name in rates:
        frozen = name.startswith("backbone.layer0")
        rate = 0.0 if frozen else 0.01 if name.startswith("backbone") else 0.001
        assert (rates[name], decays[name]) == (pytest.approx(rate), 0.0 if frozen else 0.0001), name


class Nested(nn.Module):
    """A layer at depth 2 and one at depth 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ModuleDict(dict(linear=nn.Linear(1, 1)))
        self.linear = nn.Linear(1, 1)


def test_constructor_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    """Rates that fall with the depth of the layer."""

    @OPTIM_WRAPPER_CONSTRUCTORS.register_module(name="DocumentedLayerDecay", force=True)
    class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
        def __init__(self, optim_wrapper_cfg: Any, paramwise_cfg: Any = None) -> None:
            super().__init__(optim_wrapper_cfg, paramwise_cfg=None)
            self.decay_factor = paramwise_cfg.get("decay_factor", 0.5)
            super().__init__(optim_wrapper_cfg, paramwise_cfg)

        def add_params(  # type: ignore[override]  # the first call has two arguments, the others are its own
            self, params: Any, module: nn.Module, prefix: str = "", lr: float | None = None
        ) -> None:
            if lr is None:
                lr = self.base_lr
            assert lr is not None
            for name, param in module.named_parameters(recurse=False):
                param_group: dict[str, Any] = dict()
                param_group["params"] = [param]
                param_group["lr"] = lr
                params.append(param_group)
                full_name = f"{prefix}.{name}" if prefix else name
                logger.info(f"{full_name} : lr={lr}")
            for name, child in module.named_children():
                child_prefix = f"{prefix}.{name}" if prefix else name
                self.add_params(params, child, child_prefix, lr=lr * self.decay_factor)

    optim_wrapper = dict(
        optimizer=dict(type="SGD", lr=0.01, weight_decay=0.0001),
        paramwise_cfg=dict(decay_factor=0.5),
        constructor="DocumentedLayerDecay",
    )
    model = Nested()
    with caplog.at_level(logging.INFO):
        wrapper = build_optim_wrapper(model, optim_wrapper)
    expected = {
        "layer.linear.weight": 0.0025,
        "layer.linear.bias": 0.0025,
        "linear.weight": 0.005,
        "linear.bias": 0.005,
    }
    assert by_name(model, wrapper, "lr") == expected
    assert all(f"{name} : lr={rate}" in caplog.text for name, rate in expected.items())


def test_constructor_of_several() -> None:
    """It may return a dict of wrappers."""

    @OPTIM_WRAPPER_CONSTRUCTORS.register_module(force=True)
    class MultipleOptimiWrapperConstructor:
        def __init__(self, optim_wrapper_cfg: Any, paramwise_cfg: Any = None) -> None:
            self.optimizer = optim_wrapper_cfg["optimizer"]

        def __call__(self, model: nn.Module) -> OptimWrapperDict:
            parts = {
                name: build_optim_wrapper(child, dict(optimizer=self.optimizer))
                for name, child in model.named_children()
            }
            return OptimWrapperDict(**parts)

    built = build_optim_wrapper(
        Nested(),
        dict(optimizer=dict(type="SGD", lr=0.01), constructor="MultipleOptimiWrapperConstructor"),
    )
    assert built.get_lr() == {"layer.lr": [0.01], "linear.lr": [0.01]}


# -- schedules -----------------------------------------------------------------------------------------------------
def rates(configs: Any, iterations: int, epoch_length: int = 100) -> Tensor:
    """The rate at each iteration of a training that begins at 0.01."""
    optimizer = dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=0.0001)
    return plan(configs, iterations, optimizer=optimizer, epoch_length=epoch_length)["lr"]


def test_by_hand_as_in_torch() -> None:
    """One schedule, built by hand, is torch's."""
    ours, theirs = (SGD([nn.Parameter(torch.zeros(1))], lr=0.01, momentum=0.9) for _ in range(2))
    param_scheduler = MultiStepLR(ours, milestones=[8, 11], gamma=0.1)
    reference = torch.optim.lr_scheduler.MultiStepLR(theirs, milestones=[8, 11], gamma=0.1)
    for _ in range(12):
        for optimizer, schedule in ((ours, param_scheduler), (theirs, reference)):
            optimizer.step()
            schedule.step()
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)


def test_by_epoch_and_by_iteration() -> None:
    """The unit of the milestones is that of the schedule; both count from the first, and change after so many."""
    by_epoch = rates(dict(type="MultiStepLR", by_epoch=True, milestones=[8, 11], gamma=0.1), 1200)
    for last, value in ((799, 0.01), (1099, 0.001), (1199, 0.0001)):
        assert by_epoch[last].item() == pytest.approx(value)
    assert by_epoch[800].item() == pytest.approx(0.001)
    by_iteration = rates(dict(type="MultiStepLR", by_epoch=False, milestones=[600, 800], gamma=0.1), 900)
    assert [by_iteration[step].item() for step in (599, 600, 799, 800)] == pytest.approx(
        [0.01, 0.001, 0.001, 0.0001]
    )


def test_from_epochs_to_iterations() -> None:
    """Built by hand with the length of an epoch, or by a key of the configuration."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.01)
    epoch_length = 100
    by_hand = MultiStepLR.build_iter_from_epoch(
        optimizer, milestones=[8, 11], gamma=0.1, epoch_length=epoch_length
    )
    cfg = dict(type="MultiStepLR", by_epoch=True, milestones=[8, 11], gamma=0.1, convert_to_iter_based=True)
    by_key = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=optimizer, epoch_length=epoch_length))
    assert by_hand.milestones == by_key.milestones == {800: 1, 1100: 1}
    assert not by_hand.by_epoch


def test_cosine_is_smoother_by_iteration() -> None:
    """A cosine over 12 epochs changes 12 times; converted, at every iteration, and between the same ends."""
    cosine = dict(type="CosineAnnealingLR", by_epoch=True, T_max=12)
    by_epoch, converted = rates(cosine, 1200), rates(dict(cosine, convert_to_iter_based=True), 1200)
    assert len(by_epoch.unique()) == 12
    assert len(converted.unique()) == 1200
    assert torch.allclose(by_epoch[::100], converted[::100])


def test_warm_up_in_iterations_then_milestones_in_epochs() -> None:
    """Two schedules need not have the same unit."""
    param_scheduler = [
        dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=50),
        dict(type="MultiStepLR", by_epoch=True, milestones=[8, 11], gamma=0.1),
    ]
    seen = rates(param_scheduler, 1200)
    assert seen[0].item() == pytest.approx(0.01 * 0.001)
    assert (seen[:50].diff() > 0).all()
    assert seen[49].item() == pytest.approx(0.01)
    assert [seen[step].item() for step in (799, 800, 1100)] == pytest.approx([0.01, 0.001, 0.0001])


def test_warm_up_then_cosine() -> None:
    """Two adjoining intervals."""
    param_scheduler = [
        dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=100),
        dict(type="CosineAnnealingLR", T_max=800, by_epoch=False, begin=100, end=900),
    ]
    seen = rates(param_scheduler, 1000)
    assert [seen[step].item() for step in (0, 99, 100, 500)] == pytest.approx([1e-5, 0.01, 0.01, 0.005])
    assert (seen[100:900].diff() < 0).all()
    assert len(seen[899:].unique()) == 1  # not covered: stays


def test_gap_and_overlap() -> None:
    """Between two intervals nothing changes; where they overlap, both act, in the order of the list."""
    first = dict(type="ExponentialLR", gamma=0.5, by_epoch=False, begin=0, end=3)
    gap = rates([first, dict(type="ExponentialLR", gamma=0.5, by_epoch=False, begin=5, end=8)], 9)
    assert (gap / 0.01).tolist() == pytest.approx([1, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.0625, 0.0625])
    overlap = rates([first, dict(type="ConstantLR", factor=0.1, by_epoch=False, begin=1, end=3)], 4)
    assert (overlap / 0.01).tolist() == pytest.approx([1, 0.05, 0.25, 0.25])


def test_momentum() -> None:
    """A schedule of the momentum stands in the same list."""
    param_scheduler = [
        dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=1000),
        dict(type="LinearMomentum", start_factor=0.001, by_epoch=False, begin=0, end=1000),
    ]
    optimizer = dict(type="SGD", lr=0.01, momentum=0.9)
    seen = plan(param_scheduler, 1001, optimizer=optimizer)
    assert seen["momentum"][[0, 999, 1000]].tolist() == pytest.approx([0.0009, 0.9, 0.9])
    assert torch.allclose(seen["lr"] / 0.01, seen["momentum"] / 0.9)


def test_any_parameter() -> None:
    """The general schedule on `lr` is the one of the rate; any other number of the groups can be moved too."""
    settings = dict(start_factor=0.001, by_epoch=False, begin=0, end=1000)
    general = rates([dict(type="LinearParamScheduler", param_name="lr", **settings)], 1000)
    assert torch.equal(general, rates([dict(type="LinearLR", **settings)], 1000))
    assert issubclass(LinearLR, LinearParamScheduler)
    decay = plan(
        [dict(type="LinearParamScheduler", param_name="weight_decay", **settings)],
        1000,
        optimizer=dict(type="SGD", lr=0.01, weight_decay=0.0001),
    )
    assert decay["weight_decay"][[0, 999]].tolist() == pytest.approx([1e-7, 1e-4])
    assert decay["lr"].unique().tolist() == [0.01]


def test_resume_of_a_list() -> None:
    """The states of wrapper and schedules go through a file that is read without trust, and the values go on."""

    def build() -> tuple[OptimWrapper, list[Any]]:
        model = ToyModel()
        wrapper = build_optim_wrapper(
            model, dict(optimizer=dict(type="SGD", lr=0.01), paramwise_cfg=dict(bias_lr_mult=2))
        )
        warm_up = LinearLR(wrapper, start_factor=0.1, end=4)
        return wrapper, [warm_up, CosineAnnealingLR(wrapper, begin=4, end=12)]

    def advance(wrapper: OptimWrapper, schedules: list[Any], steps: int) -> list[Any]:
        seen = []
        for _ in range(steps):
            seen.append(wrapper.get_lr())
            wrapper.step()
            for schedule in schedules:
                schedule.step()
        return seen

    expected = advance(*build(), 12)
    wrapper, schedules = build()
    advance(wrapper, schedules, 6)
    file = io.BytesIO()
    torch.save([wrapper.state_dict(), [schedule.state_dict() for schedule in schedules]], file)
    file.seek(0)
    wrapper_state, schedule_states = torch.load(file, weights_only=True)
    wrapper, schedules = build()
    wrapper.load_state_dict(wrapper_state)
    for schedule, state in zip(schedules, schedule_states, strict=True):
        schedule.load_state_dict(state)
    assert advance(wrapper, schedules, 6) == expected[6:]
