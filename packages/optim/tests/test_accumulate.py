"""Accumulated micro-batches against the one big batch that they stand for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD

from eng_optim import OptimWrapper, SettingError
from eng_optim.accumulate import closes_window, length_of_window


def network() -> nn.Module:
    """The same small network each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()


def samples(count: int) -> tuple[Tensor, Tensor]:
    """As many inputs and labels."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 5, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, 3, (count,), generator=generator)


def weights_after(model: nn.Module, steps: list[list[Tensor]]) -> Tensor:
    """All weights in one row after a raw loop, whose steps have the mean over all of their samples."""
    inputs, labels = samples(sum(len(batch) for step in steps for batch in step))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in steps:
        rows = torch.cat(step)
        functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def rows_of(sizes: list[int]) -> list[Tensor]:
    """Sample numbers in batches of these sizes."""
    return list(torch.arange(sum(sizes)).split(sizes))


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=9), count=st.integers(1, 4))
def test_ragged_micro_batches_equal_the_big_batch(sizes: list[int], count: int) -> None:
    """Whatever the sizes, a window with weights steps as the one batch of all its samples, the last one too."""
    batches = rows_of(sizes)
    inputs, labels = samples(sum(sizes))
    model = network()
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1, momentum=0.9), accumulative_counts=count)
    wrapper.initialize_count_status(model, 0, len(batches))
    for rows in batches:
        loss = functional.cross_entropy(model(inputs[rows]), labels[rows])
        wrapper.update_params(loss, weight=len(rows))
    windows = [batches[first : first + count] for first in range(0, len(batches), count)]
    expected = weights_after(network(), windows)
    actual = nn.utils.parameters_to_vector(model.parameters())
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)
    assert wrapper.step_count == len(windows)


def test_equal_micro_batches_need_no_weight() -> None:
    """Micro-batches of one size give the gradients of the big batch by themselves."""
    batches = rows_of([4] * 7)
    inputs, labels = samples(28)
    model = network()
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1, momentum=0.9), accumulative_counts=3)
    wrapper.initialize_count_status(model, 0, 7)
    for rows in batches:
        wrapper.update_params(functional.cross_entropy(model(inputs[rows]), labels[rows]))
    expected = weights_after(network(), [batches[:3], batches[3:6], batches[6:]])
    actual = nn.utils.parameters_to_vector(model.parameters())
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


def test_weight_can_be_a_tensor() -> None:
    """A count of tokens stays on its device, as a tensor, until the step."""
    model, twin = network(), network()
    wrappers = [OptimWrapper(SGD(part.parameters(), lr=0.1), accumulative_counts=2) for part in (model, twin)]
    inputs, labels = samples(6)
    for rows in rows_of([4, 2]):
        for part, wrapper, weight in zip(
            (model, twin), wrappers, (len(rows), torch.tensor(len(rows))), strict=True
        ):
            wrapper.update_params(functional.cross_entropy(part(inputs[rows]), labels[rows]), weight=weight)
    vectors = [nn.utils.parameters_to_vector(part.parameters()) for part in (model, twin)]
    torch.testing.assert_close(*vectors, atol=1e-6, rtol=0)


def test_a_window_is_weighted_as_a_whole() -> None:
    """A weight that comes in the middle of a window is a mistake of the caller."""
    model = nn.Linear(1, 1)
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1), accumulative_counts=2)
    wrapper.update_params(model(torch.ones(1, 1)).sum())
    with pytest.raises(SettingError, match="all or none"):
        wrapper.update_params(model(torch.ones(1, 1)).sum(), weight=3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_two_ranks_equal_one(count: int, two_ranks: Callable[..., list[Any]]) -> None:
    """Ranks with unequal micro-batches, whose gradients DDP averages, step as one process with all samples."""
    sizes = [[3, 1, 4, 2, 5], [2, 6, 1, 1, 3]]
    batches = rows_of(sizes[0] + sizes[1])
    of_rank = [batches[:5], batches[5:]]
    inputs, labels = samples(28)

    def train(rank: int) -> list[float]:
        model = DistributedDataParallel(network())
        wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1, momentum=0.9), accumulative_counts=count)
        wrapper.initialize_count_status(model, 0, 5)
        for rows in of_rank[rank]:
            with wrapper.optim_context(model):
                loss = functional.cross_entropy(model(inputs[rows]), labels[rows])
            wrapper.update_params(loss, weight=len(rows))
        weights: list[float] = nn.utils.parameters_to_vector(model.parameters()).tolist()
        return weights

    first, second = two_ranks(train)
    windows = [of_rank[0][at : at + count] + of_rank[1][at : at + count] for at in range(0, 5, count)]
    assert first == second
    torch.testing.assert_close(
        torch.tensor(first, dtype=torch.float64), weights_after(network(), windows), atol=1e-6, rtol=0
    )


class Parallel(nn.Linear):
    """A model that decides in the forward pass whether gradients are synchronized, as DDP does."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.holds_back = False
        self.synced: list[bool] = []

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Hold gradients back."""
        self.holds_back = True
        yield
        self.holds_back = False

    def forward(self, x: Tensor) -> Tensor:
        self.synced.append(not self.holds_back)
        return super().forward(x)


class Sharded(nn.Linear):
    """A model that decides in the backward pass, as FSDP2 does."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.syncs = True
        self.synced: list[bool] = []
        self.weight.register_hook(lambda _: self.synced.append(self.syncs))

    def set_requires_gradient_sync(self, value: bool) -> None:
        """Say what the next backward passes do."""
        self.syncs = value


@pytest.mark.parametrize("kind", [Parallel, Sharded])
def test_gradients_stay_here_inside_a_window(kind: type[Parallel] | type[Sharded]) -> None:
    """Only the micro-batch that closes a window, or the training, sends gradients."""
    model = kind()
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.1), accumulative_counts=3)
    wrapper.initialize_count_status(model, 0, 8)
    for _ in range(8):
        with wrapper.optim_context(model):
            loss = model(torch.ones(1, 1)).sum()
        wrapper.update_params(loss)
    assert model.synced == [False, False, True, False, False, True, False, True]


@given(size=st.integers(1, 9), last=st.integers(1, 60))
def test_windows_cover_a_training(size: int, last: int) -> None:
    """The shares of the micro-batches of a window add up to one, up to the last of them."""
    share = 0.0
    for count in range(1, last + 1):
        share += 1 / length_of_window(count, size, last)
        if closes_window(count, size, last):
            assert share == pytest.approx(1.0)
            share = 0.0
    assert share == 0.0


def test_training_that_goes_on_after_its_end() -> None:
    """A micro-batch after the announced end, in a window that nobody closes, is an error."""
    with pytest.raises(SettingError, match=r"micro-batch 11 .* announced with 10"):
        length_of_window(11, 4, last=10)


def test_all_losses_of_a_window_have_a_weight_or_none() -> None:
    """Whichever comes first."""
    weight = nn.Parameter(torch.zeros(1))
    wrapper = OptimWrapper(SGD([weight], lr=0.1), accumulative_counts=2)
    wrapper.update_params(weight.sum(), weight=2)
    with pytest.raises(SettingError, match="all or none"):
        wrapper.update_params(weight.sum())


@pytest.mark.parametrize("nothing", [0, 0.0, torch.tensor(0.0)])
def test_a_window_that_weighs_nothing_leaves_the_weights(nothing: float | Tensor) -> None:
    """A batch without a token is no reason for weights that are not numbers."""
    weight = nn.Parameter(torch.ones(1))
    OptimWrapper(SGD([weight], lr=0.1)).update_params(weight.sum(), weight=nothing)
    assert weight.item() == 1
    with pytest.raises(SettingError, match="0 or more, not -1"):
        OptimWrapper(SGD([weight], lr=0.1)).update_params(weight.sum(), weight=-1)


@pytest.mark.parametrize("counts", [2.5, "2", True])
def test_windows_are_counted_in_whole_numbers(counts: Any) -> None:
    """Two and a half would step after every fifth."""
    with pytest.raises(TypeError, match="whole number"):
        OptimWrapper(SGD([nn.Parameter(torch.ones(1))], lr=0.1), accumulative_counts=counts)


def two_layers(frozen: bool = False) -> tuple[nn.Sequential, OptimWrapper]:
    """A body, that may be frozen, and a head, in windows of three."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
    wrapper = OptimWrapper(
        torch.optim.AdamW(model.parameters(), lr=0.1), accumulative_counts=3, clip_grad={"max_norm": 0.5}
    )
    model[0].requires_grad_(not frozen)
    return model, wrapper


def train_layers(model: nn.Sequential, wrapper: OptimWrapper, counts: range, thaws: int) -> None:
    """Micro-batches with these numbers; before number `thaws` the body begins to train."""
    for count in counts:
        if count == thaws:
            model[0].requires_grad_(True)
        x = torch.randn(4, 2, generator=torch.Generator().manual_seed(count))
        wrapper.update_params(model(x).square().mean())


@pytest.mark.parametrize("frozen_at_resume", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
def test_resume_inside_a_window_while_frozen(at: int, frozen_at_resume: bool) -> None:
    """Whether parameters are frozen when a state is made or loaded, it is that of all of them, in order."""
    thaws = 5
    whole, wrapper = two_layers(frozen=True)
    train_layers(whole, wrapper, range(9), thaws)
    model, wrapper = two_layers(frozen=True)
    train_layers(model, wrapper, range(at), thaws)
    state = wrapper.state_dict()
    again, resumed = two_layers(frozen=frozen_at_resume)
    again.load_state_dict(model.state_dict())
    resumed.load_state_dict(state)
    again[0].requires_grad_(at > thaws)
    train_layers(again, resumed, range(at, 9), thaws)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_a_state_has_the_gradients_of_all_parameters() -> None:
    """One entry for each, None where there is no gradient."""
    model, wrapper = two_layers(frozen=True)
    train_layers(model, wrapper, range(1), 5)
    gradients = wrapper.state_dict()["accumulation"]["gradients"]
    assert [gradient is None for gradient in gradients] == [True, True, False, False]


def test_a_state_with_the_gradients_of_what_was_trained() -> None:
    """An older, shorter list is one of the parameters that are trained; any other length is refused."""
    model, wrapper = two_layers(frozen=True)
    train_layers(model, wrapper, range(1), 5)
    state = wrapper.state_dict()
    older = {**state, "accumulation": {**state["accumulation"]}}
    older["accumulation"]["gradients"] = older["accumulation"]["gradients"][2:]
    again, resumed = two_layers(frozen=True)
    resumed.load_state_dict(older)
    pairs = zip(model.parameters(), again.parameters(), strict=True)
    assert all(a.grad is b.grad is None or torch.equal(a.grad, b.grad) for a, b in pairs)  # type: ignore[arg-type]
    older["accumulation"]["gradients"] = older["accumulation"]["gradients"][1:]
    with pytest.raises(
        SettingError, match="with 1 gradients; this optimizer has 4 parameters, of which 2 are trained"
    ):
        resumed.load_state_dict(older)


def test_a_parameter_that_is_frozen_inside_a_window_is_weighted_and_clipped() -> None:
    """What it has gathered until then is part of the step, as in plain PyTorch, with all that is done to it."""
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    wrapper = OptimWrapper(SGD(weights, lr=1.0), accumulative_counts=2)
    wrapper.update_params((weights[0] + weights[1]).sum(), weight=3)
    weights[0].requires_grad_(False)
    wrapper.update_params(weights[1].sum(), weight=1)
    assert [weight.item() for weight in weights] == [-0.75, -1.0]
