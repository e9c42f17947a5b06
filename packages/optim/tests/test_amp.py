"""Mixed precision: what is computed in which type, and what a gradient that overflows does."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.optim import SGD, AdamW

from eng_optim import AmpOptimWrapper, LinearLR, OptimWrapper, SettingError


def line(device: str) -> nn.Linear:
    """One weight, 0."""
    model = nn.Linear(1, 1, bias=False, device=device)
    nn.init.zeros_(model.weight)
    return model


def amp(model: nn.Module, **settings: Any) -> AmpOptimWrapper:
    """A wrapper of SGD with a rate of 1."""
    return AmpOptimWrapper(optimizer=SGD(model.parameters(), lr=1.0), **settings)


def update(model: nn.Module, wrapper: OptimWrapper, gradient: float) -> float:
    """One iteration whose true gradient is that; the weight after it."""
    device = next(model.parameters()).device
    with wrapper.optim_context(model):
        loss = model(torch.ones(1, 1, device=device)).sum()
    wrapper.update_params(loss.float() * gradient)
    weight: float = next(model.parameters()).item()
    return weight


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", torch.float16])
def test_forward_pass_is_in_the_small_type(device: str, dtype: Any) -> None:
    """Autocast computes in the type that is asked for, and the weights stay what they are."""
    model = line(device)
    with amp(model, dtype=dtype).optim_context(model):
        assert str(model(torch.ones(1, 1, device=device)).dtype).removeprefix("torch.") in str(dtype)
    assert model.weight.dtype == torch.float32


def test_type_of_the_device(device: str) -> None:
    """Without a type, the device has its own."""
    model = line(device)
    with amp(model).optim_context(model):
        output = model(torch.ones(1, 1, device=device))
    assert output.dtype == {"cpu": torch.bfloat16, "cuda": torch.float16}[device]


def test_only_float16_is_scaled(device: str) -> None:
    """bfloat16 has the range of float32, so that nothing is scaled unless a scale is given."""
    assert amp(line(device), dtype="float16").loss_scaler.is_enabled()
    assert not amp(line(device), dtype="bfloat16").loss_scaler.is_enabled()
    assert amp(line(device), dtype="bfloat16", loss_scale=8.0).loss_scaler.is_enabled()


def test_scale_cancels_out(device: str) -> None:
    """A scaled step moves the weight as far as one without a scale."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale=1024.0)
    assert update(model, wrapper, 6.0) == -6.0
    assert (wrapper.step_count, wrapper.inner_count) == (1, 1)


def test_overflow_skips_the_step(device: str) -> None:
    """A gradient that is not finite moves nothing, counts as no step, and halves the scale."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale={"init_scale": 4.0, "growth_interval": 2})
    moved = [
        (update(model, wrapper, gradient), wrapper.step_count, wrapper.loss_scaler.get_scale())
        for gradient in (1.0, float("inf"), 1.0, float("nan"), 1.0, 1.0)
    ]
    assert moved == [(-1, 1, 4), (-1, 1, 2), (-2, 2, 2), (-2, 2, 1), (-3, 3, 1), (-4, 4, 2)]
    assert model.weight.grad is None


def test_overflow_of_a_fused_optimizer(device: str) -> None:
    """A fused optimizer is always called and skips by itself; the count knows it."""
    model = line(device)
    wrapper = AmpOptimWrapper(
        dtype="float16",
        loss_scale={"init_scale": 4.0},
        optimizer=AdamW(model.parameters(), lr=0.1, fused=True),
    )
    before = update(model, wrapper, 1.0)
    assert update(model, wrapper, float("inf")) == before
    assert wrapper.step_count == 1


def test_schedule_can_follow_the_steps(device: str) -> None:
    """Who steps a schedule when `step_count` moved leaves no value out for a skipped step."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale={"init_scale": 4.0})
    schedule = LinearLR(wrapper, start_factor=0.25, by_epoch=False, end=4)
    rates = []
    for gradient in (1.0, float("inf"), 1.0, float("inf"), 1.0):
        before = wrapper.step_count
        rate = wrapper.get_lr()["lr"][0]
        update(model, wrapper, gradient)
        if wrapper.step_count != before:
            rates.append(rate)
            schedule.step()
    assert rates == [0.25, 0.5, 0.75]


def test_static_scale_stays(device: str) -> None:
    """A scale that is a number is the same after an overflow."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale=16.0)
    update(model, wrapper, float("inf"))
    assert wrapper.loss_scaler.get_scale() == 16.0
    assert update(model, wrapper, 1.0) == -1.0


def test_true_gradients_are_clipped(device: str) -> None:
    """The norm is that of the gradients without the scale."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale=256.0, clip_grad={"max_norm": 1.0})
    assert update(model, wrapper, 5.0) == pytest.approx(-1.0, abs=1e-5)
    assert wrapper.grad_norm is not None
    assert wrapper.grad_norm.item() == 5.0


def test_accumulation_in_mixed_precision(device: str) -> None:
    """A window of scaled losses steps once, with their mean; one overflow in it spoils the window only."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale=8.0, accumulative_counts=2)
    gradients = [2.0, 4.0, 1.0, float("inf"), 6.0, 6.0]
    assert [update(model, wrapper, gradient) for gradient in gradients] == [0, -3, -3, -3, -3, -9]
    assert wrapper.step_count == 2


def test_weights_in_mixed_precision(device: str) -> None:
    """Weights of losses and the scale do not disturb each other."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale=8.0, accumulative_counts=2)
    for gradient, weight in ((2.0, 3), (6.0, 1)):
        with wrapper.optim_context(model):
            loss = model(torch.ones(1, 1, device=device)).sum()
        wrapper.update_params(loss.float() * gradient, weight=weight)
    assert model.weight.item() == -3.0


def test_no_sync_and_autocast_together(device: str) -> None:
    """Inside a window both contexts are entered."""

    class Parallel(nn.Linear):
        entered = 0

        def no_sync(self) -> Any:
            self.entered += 1
            return torch.autograd.set_grad_enabled(True)

    model = Parallel(1, 1, device=device)
    wrapper = amp(model, dtype="bfloat16", accumulative_counts=2)
    for _ in range(2):
        with wrapper.optim_context(model):
            output = model(torch.ones(1, 1, device=device))
            assert output.dtype == torch.bfloat16
        wrapper.update_params(output.sum())
    assert model.entered == 1


def test_state_goes_on_with_the_scale(device: str) -> None:
    """Scale and its growth are saved as plain data, and go on where they were."""
    model = line(device)
    wrapper = amp(model, dtype="float16", loss_scale={"init_scale": 8.0, "growth_interval": 3})
    for gradient in (1.0, float("inf"), 1.0, 1.0):
        update(model, wrapper, gradient)
    buffer = io.BytesIO()
    torch.save(wrapper.state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert state["loss_scaler"]["scale"] == 4.0
    successor = amp(model, dtype="float16", loss_scale={"init_scale": 8.0, "growth_interval": 3})
    successor.load_state_dict(state)
    update(model, successor, 1.0)
    assert successor.loss_scaler.get_scale() == 8.0  # the third step in a row without an overflow
    assert successor.step_count == 4


def test_states_of_other_wrappers(device: str) -> None:
    """The state of a wrapper without mixed precision loads, and that of mixed precision into one without scale."""
    model = line(device)
    plain = OptimWrapper(SGD(model.parameters(), lr=0.5))
    wrapper = amp(model, dtype="float16")
    wrapper.load_state_dict(plain.state_dict())
    assert wrapper.get_lr() == {"lr": [0.5]}
    amp(model, dtype="bfloat16").load_state_dict(wrapper.state_dict())


def test_state_names_the_scaler(device: str) -> None:
    """The state says `loss_scaler`, with the scale or with nothing."""
    assert amp(line(device), dtype="float16", loss_scale=2.0).state_dict()["loss_scaler"]["scale"] == 2.0
    assert amp(line(device), dtype="bfloat16").state_dict()["loss_scaler"] == {}


def test_sharded_scaler() -> None:
    """`use_fsdp` takes the scaler that agrees over the shards."""
    scaler = amp(line("cpu"), dtype="float16", loss_scale=4.0, use_fsdp=True).loss_scaler
    assert type(scaler).__name__ == "ShardedGradScaler"
    assert scaler.get_scale() == 4.0


@pytest.mark.parametrize("use_fsdp", [False, True])
def test_ranks_skip_together(use_fsdp: bool, two_ranks: Callable[..., list[Any]]) -> None:
    """An overflow in the shard of one rank skips the step, and halves the scale, on all of them."""

    def train(rank: int) -> list[Any]:
        model = fully_shard(nn.Linear(4, 4, bias=False))
        wrapper = amp(model, dtype="float16", loss_scale={"init_scale": 8.0}, use_fsdp=use_fsdp)
        seen: list[Any] = []
        for overflows in (True, False):
            wrapper.backward(model(torch.ones(2, 4)).sum())
            if overflows and rank == 0:
                model.weight.grad.to_local().fill_(torch.inf)
            wrapper.step()
            wrapper.zero_grad()
            seen += [wrapper.step_count, wrapper.loss_scaler.get_scale()]
        return seen

    assert two_ranks(train) == [[0, 4.0, 1, 4.0]] * 2


def test_unknown_type() -> None:
    """A name that is no type is an error at once, with the names that are."""
    with pytest.raises(SettingError, match="float16, bfloat16, float32, float64"):
        amp(line("cpu"), dtype="float8")


def test_unknown_scale() -> None:
    """A scale of another kind is a TypeError."""
    with pytest.raises(TypeError, match="'dynamic', a number or a mapping"):
        amp(line("cpu"), loss_scale=[1.0])
