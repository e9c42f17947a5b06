"""The optimizer wrapper: what reaches the parameters, when, and what is saved."""

import io
import sys
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD

from eng_optim import AmpOptimWrapper, OptimWrapper, SettingError


def weight_of_six(accumulative_counts: int = 3, **settings: Any) -> tuple[nn.Linear, OptimWrapper]:
    """A weight that starts at 0 with rate 1; `(model(six)).sum()` has gradient 6."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    return model, OptimWrapper(SGD(model.parameters(), lr=1.0), accumulative_counts, **settings)


def train(model: nn.Linear, wrapper: OptimWrapper, iterations: int) -> list[float]:
    """The weight after each iteration."""
    seen = []
    for _ in range(iterations):
        wrapper.update_params(model(torch.full((1, 1), 6.0)).sum())
        seen.append(model.weight.item())
    return seen


def test_plain_step_is_that_of_torch() -> None:
    """Without accumulation and clipping the parameters move exactly as in the raw loop."""
    torch.manual_seed(0)
    model, twin = nn.Linear(4, 2), nn.Linear(4, 2)
    twin.load_state_dict(model.state_dict())
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1, momentum=0.9))
    optimizer = SGD(twin.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        batch = torch.randn(5, 4)
        wrapper.update_params(model(batch).square().mean())
        twin(batch).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert torch.equal(model.weight, twin.weight)
    assert (wrapper.step_count, wrapper.inner_count) == (3, 3)


def test_last_window_is_divided_by_its_own_length() -> None:
    """A last window of two micro-batches counts as much as one of three."""
    model, wrapper = weight_of_six()
    wrapper.initialize_count_status(model, 0, 8)
    assert train(model, wrapper, 8) == pytest.approx([0, 0, -6, -6, -6, -12, -12, -18])


def test_unknown_end_leaves_the_last_window_open() -> None:
    """Without a known end an incomplete window is not applied."""
    model, wrapper = weight_of_six()
    assert train(model, wrapper, 8) == pytest.approx([0, 0, -6, -6, -6, -12, -12, -12])


def test_begin_inside_a_window_without_its_gradients(caplog: pytest.LogCaptureFixture) -> None:
    """A training that begins inside a window loses what the window had, and says so."""
    model, wrapper = weight_of_six()
    wrapper.initialize_count_status(model, 4, 8)
    assert train(model, wrapper, 4) == pytest.approx([0, -4, -4, -10])
    assert "inside an accumulation window" in caplog.text


def test_resume_inside_a_window(caplog: pytest.LogCaptureFixture) -> None:
    """The state of a wrapper carries the gradients of an open window to the next process."""
    model, wrapper = weight_of_six()
    wrapper.initialize_count_status(model, 0, 8)
    train(model, wrapper, 4)
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": wrapper.state_dict()}, buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    model, wrapper = weight_of_six()
    model.load_state_dict(state["model"])
    wrapper.load_state_dict(state["optimizer"])
    wrapper.initialize_count_status(model, 4, 8)
    assert train(model, wrapper, 4) == pytest.approx([-6, -12, -12, -18])
    assert wrapper.step_count == 3
    assert caplog.text == ""


def test_fresh_state_is_that_of_the_optimizer() -> None:
    """Before the first step a wrapper has nothing to add to the optimizer's own state."""
    _, wrapper = weight_of_six()
    assert wrapper.state_dict() == wrapper.optimizer.state_dict()


def test_loss_is_scaled_by_its_window() -> None:
    """The factors of ten micro-batches in windows of four: 1/4 eight times, then 1/2 twice."""
    model, wrapper = weight_of_six(4)
    wrapper.initialize_count_status(model, 0, 10)
    factors, updates = [], []
    for iteration in range(1, 11):
        factors.append(wrapper.scale_loss(torch.tensor(1.0)).item())
        wrapper.backward(model(torch.ones(1, 1)).sum())
        if wrapper.should_update():
            updates.append(iteration)
    assert factors == [0.25] * 8 + [0.5] * 2
    assert updates == [4, 8, 10]


def test_clip_by_norm_keeps_the_norm() -> None:
    """The norm before clipping is there to be read, and the step has the clipped length."""
    model, wrapper = weight_of_six(1, clip_grad={"max_norm": 1})
    assert train(model, wrapper, 1) == pytest.approx([-1], abs=1e-5)
    assert wrapper.grad_norm is not None
    assert wrapper.grad_norm.item() == 6.0


def test_clip_by_value_without_a_type() -> None:
    """`clip_value` alone says that values are clipped."""
    model, wrapper = weight_of_six(1, clip_grad={"clip_value": 0.2})
    assert train(model, wrapper, 1) == pytest.approx([-0.2])
    assert wrapper.grad_norm is None


@pytest.mark.parametrize("clip_grad", [{}, [], {"type": "norm"}])
def test_clip_that_says_nothing(clip_grad: Any) -> None:
    """A clipping without a limit is an error at once."""
    with pytest.raises(SettingError):
        weight_of_six(1, clip_grad=clip_grad)


def test_subclass_has_its_say() -> None:
    """A subclass that overrides one part of the step is asked for it."""

    class Loud(OptimWrapper):
        steps = 0

        def step(self, **kwargs: Any) -> None:
            self.steps += 1
            super().step(**kwargs)

    wrapper = Loud(SGD([nn.Parameter(torch.zeros(1))], lr=0.1))
    parameter = wrapper.param_groups[0]["params"][0]
    wrapper.update_params(parameter.sum())
    assert (wrapper.steps, wrapper.step_count) == (1, 1)


def test_several_groups_have_a_pseudo_group() -> None:
    """With several groups the defaults are a group too, at the end and under `base_lr`."""
    optimizer = SGD(
        [{"params": [nn.Parameter(torch.zeros(1))], "lr": 0.1}, {"params": [nn.Parameter(torch.zeros(1))]}],
        lr=0.01,
        momentum=0.9,
    )
    wrapper = OptimWrapper(optimizer)
    assert [group["lr"] for group in wrapper.param_groups] == [0.1, 0.01, 0.01]
    assert wrapper.get_lr() == {"base_lr": [0.01], "lr": [0.1, 0.01]}
    assert wrapper.get_momentum() == {"momentum": [0.9, 0.9]}


def python_calls(run: Any) -> float:
    """Python calls of one `run`."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    for _ in range(4):
        run()
    sys.setprofile(profile)
    try:
        for _ in range(20):
            run()
    finally:
        sys.setprofile(None)
    return count / 20


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (OptimWrapper, {}),
        (OptimWrapper, {"clip_grad": {"max_norm": 1.0}}),
        (OptimWrapper, {"accumulative_counts": 4}),
        (AmpOptimWrapper, {"dtype": "bfloat16"}),
    ],
    ids=["plain", "clipped", "accumulated", "mixed"],
)
def test_a_step_costs_little(kind: type[OptimWrapper], settings: dict[str, Any]) -> None:
    """A step costs at most twelve Python calls more than the same lines by hand, however many parameters there are."""
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(10)))
    parameters = list(model.parameters())
    optimizer = SGD(parameters, lr=0.1, momentum=0.9)
    wrapper = kind(optimizer=optimizer, **settings)
    batch = torch.ones(3, 2)
    window = settings.get("accumulative_counts", 1)
    iteration = 0

    def by_hand() -> None:
        nonlocal iteration
        iteration += 1
        if "dtype" in settings:
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(batch).mean()
        else:
            loss = model(batch).mean()
        (loss / window).backward()
        if iteration % window == 0:
            if "clip_grad" in settings:
                nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()

    def ours() -> None:
        with wrapper.optim_context(model):
            loss = model(batch).mean()
        wrapper.update_params(loss)

    assert python_calls(ours) <= python_calls(by_hand) + 12


def test_arguments_reach_step_and_zero() -> None:
    """A closure goes to the optimizer's step, `set_to_none` to its `zero_grad`."""
    weight = nn.Parameter(torch.ones(1))
    wrapper = OptimWrapper(LBFGS([weight], lr=0.5))

    def closure() -> torch.Tensor:
        wrapper.optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    wrapper.update_params(
        weight.square().sum(), step_kwargs={"closure": closure}, zero_kwargs={"set_to_none": False}
    )
    assert weight.item() == pytest.approx(0.0, abs=1e-4)
    assert weight.grad is not None
    assert weight.grad.item() == 0.0


def test_parts_make_the_whole() -> None:
    """`backward`, `step` and `zero_grad` by hand are the same as `update_params`."""
    model, wrapper = weight_of_six(1)
    for _ in range(2):
        wrapper.backward(model(torch.full((1, 1), 6.0)).sum(), retain_graph=False)
        wrapper.step()
        wrapper.zero_grad()
    assert model.weight.item() == -12.0
    assert model.weight.grad is None
    assert (wrapper.step_count, wrapper.inner_count) == (2, 2)


def test_window_by_hand() -> None:
    """Who asks `should_update` accumulates as the wrapper does."""
    model, wrapper = weight_of_six(3)
    for _ in range(6):
        wrapper.backward(wrapper.scale_loss(model(torch.full((1, 1), 6.0)).sum()))
        if wrapper.should_update():
            wrapper.step()
            wrapper.zero_grad()
    assert model.weight.item() == pytest.approx(-12.0)


def test_optimizer_with_a_zero_of_its_own() -> None:
    """An optimizer that overrides `zero_grad` is asked for it."""

    class Keeper(SGD):
        zeroed = 0

        def zero_grad(self, set_to_none: bool = True) -> None:
            self.zeroed += 1
            super().zero_grad(set_to_none)

    optimizer = Keeper([nn.Parameter(torch.zeros(1))], lr=0.1)
    OptimWrapper(optimizer).update_params(optimizer.param_groups[0]["params"][0].sum())
    assert optimizer.zeroed == 1


def test_frozen_parameters_are_not_clipped() -> None:
    """Only what is trained counts for the norm."""
    frozen = nn.Parameter(torch.zeros(1), requires_grad=False)
    frozen.grad = torch.full((1,), 100.0)
    trained = nn.Parameter(torch.zeros(1))
    wrapper = OptimWrapper(SGD([frozen, trained], lr=1.0), clip_grad={"max_norm": 10.0})
    wrapper.update_params(3 * trained.sum())
    assert wrapper.grad_norm is not None
    assert wrapper.grad_norm.item() == 3.0


def test_batch_norm_sees_small_batches(caplog: pytest.LogCaptureFixture) -> None:
    """Accumulation with batch norm is said to differ from the big batch; without accumulation nothing is said."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    for counts in (1, 2):
        caplog.clear()
        wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1), accumulative_counts=counts)
        wrapper.initialize_count_status(model, 0, 10)
        assert ("batch norm" in caplog.text) == (counts == 2)


@pytest.mark.parametrize("counts", [0, -1])
def test_no_accumulation_at_all(counts: int) -> None:
    """A window has at least one micro-batch; the error is one for `assert` habits too."""
    with pytest.raises(AssertionError, match="at least 1"):
        weight_of_six(counts)


def test_state_inside_a_window_with_weights() -> None:
    """Gradients and weights of an open window go on in the next process, to the same step."""

    def step(model: nn.Linear, wrapper: OptimWrapper, weight: float) -> None:
        wrapper.update_params(model(torch.full((1, 1), 6.0)).sum(), weight=weight)

    model, wrapper = weight_of_six(2)
    step(model, wrapper, 3.0)
    successor_model, successor = weight_of_six(2)
    successor.load_state_dict(wrapper.state_dict())
    step(model, wrapper, 1.0)
    step(successor_model, successor, 1.0)
    assert model.weight.item() == successor_model.weight.item() == pytest.approx(-6.0)


def test_gradients_of_another_model() -> None:
    """Gradients for another number of parameters are an error, not a silent loss."""
    model, wrapper = weight_of_six(2)
    wrapper.update_params(model(torch.ones(1, 1)).sum())
    state = wrapper.state_dict()
    state["accumulation"]["gradients"] *= 2
    with pytest.raises(ValueError, match="with 2 gradients; this optimizer has 1 parameters"):
        wrapper.load_state_dict(state)


def test_repr_says_what_it_wraps() -> None:
    """Type, window and optimizer can be read."""
    _, wrapper = weight_of_six(3)
    assert repr(wrapper).startswith("Type: OptimWrapper\n_accumulative_counts: 3\noptimizer:\nSGD (")
