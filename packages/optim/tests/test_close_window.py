"""The end of a training inside an accumulation window, against one whose length was known from the start."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, AdamW

from eng_optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict


def network() -> nn.Module:
    """The same small network each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def data(count: int, rank: int = 0) -> list[Tensor]:
    """Batches, other ones on each rank."""
    generator = torch.Generator().manual_seed(1 + rank)
    return [torch.randn(5, 3, generator=generator, dtype=torch.float64) for _ in range(count)]


def wrap(model: nn.Module, size: int = 4, kind: Any = OptimWrapper, **settings: Any) -> OptimWrapper:
    """AdamW with windows of `size`."""
    wrapper: OptimWrapper = kind(
        optimizer=AdamW(model.parameters(), lr=0.1), accumulative_counts=size, **settings
    )
    return wrapper


def train(
    model: nn.Module, wrapper: OptimWrapper, batches: list[Tensor], context: bool = True, **settings: Any
) -> None:
    """Steps on the batches."""
    for x in batches:
        with wrapper.optim_context(model) if context else nullcontext():
            loss = model(x).square().mean()
        wrapper.update_params(loss, **settings)


def vector(model: nn.Module) -> Tensor:
    """All weights in one row."""
    parts = [getattr(each, "full_tensor", lambda each=each: each)() for each in model.parameters()]
    return torch.cat([part.detach().flatten() for part in parts])


def run(
    count: int,
    announced: int,
    size: int = 4,
    weight: Any = None,
    model: Any = None,
    rank: int = 0,
    **kinds: Any,
) -> tuple[nn.Module, OptimWrapper, bool]:
    """A training of `count` micro-batches of which `announced` were announced, closed at its end."""
    model = network() if model is None else model
    wrapper = wrap(model, size, **kinds)
    wrapper.initialize_count_status(model, 0, announced)
    train(model, wrapper, data(count, rank), weight=weight)
    return model, wrapper, wrapper.close_window()


@pytest.mark.parametrize(
    "kinds",
    [{}, {"clip_grad": {"max_norm": 0.1}}, {"kind": AmpOptimWrapper, "dtype": "bfloat16", "loss_scale": 4.0}],
)
@pytest.mark.parametrize("announced", [-1, 100])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 9])
def test_it_is_the_run_whose_length_was_known(count: int, announced: int, kinds: dict[str, Any]) -> None:
    """Weights and moments are bit for bit those of the training that was announced as long as it is."""
    model, wrapper, stepped = run(count, announced, **kinds)
    want, known, already = run(count, count, **kinds)
    assert torch.equal(vector(model), vector(want))
    assert (stepped, already) == (True, False)
    assert wrapper.step_count == known.step_count == -(-count // 4)
    for mine, other in zip(wrapper.optimizer.state.values(), known.optimizer.state.values(), strict=True):
        assert all(torch.equal(mine[key], other[key]) for key in ("step", "exp_avg", "exp_avg_sq"))
    assert all(each.grad is None for each in model.parameters())


@pytest.mark.parametrize("seen", [1, 2])
def test_windows_of_other_sizes(seen: int) -> None:
    """A third and two thirds are rounded in the loss, so that the sums differ in the last bit."""
    model, _, stepped = run(3 + seen, -1, size=3)
    torch.testing.assert_close(
        vector(model), vector(run(3 + seen, 3 + seen, size=3)[0]), rtol=1e-7, atol=1e-9
    )
    assert stepped


def test_a_shorter_last_window_that_ends_earlier_still() -> None:
    """In a training of 7, the window from 5 on was to have 3 micro-batches, and has one."""
    model, *_ = run(5, 7)
    torch.testing.assert_close(vector(model), vector(run(5, 5)[0]), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("weight", [3, 2.5, torch.tensor(7.0)])
def test_weights_of_losses(weight: Any) -> None:
    """With weights the sum is divided by those that there were."""
    model, wrapper, stepped = run(6, -1, weight=weight)
    assert torch.equal(vector(model), vector(run(6, 6, weight=weight)[0]))
    assert stepped
    train(model, wrapper, data(2))  # a new window, without weights


@pytest.mark.parametrize("count", [0, 4, 8])
def test_nothing_to_close(count: int) -> None:
    """Without an open window nothing happens."""
    model, wrapper, stepped = run(count, -1)
    assert not stepped
    assert not wrapper.is_window_open
    assert wrapper.step_count == count // 4
    assert torch.equal(vector(model), vector(run(count, count)[0]))


def test_closed_once() -> None:
    """The second time there is nothing left, and the state has no gradients."""
    model, wrapper, _ = run(6, -1)
    before = vector(model)
    assert not wrapper.close_window()
    assert torch.equal(before, vector(model))
    assert wrapper.state_dict()["accumulation"] == {"inner_count": 6, "step_count": 2, "closed_early": 6}


def test_an_overflow_is_no_step() -> None:
    """A scaler that skips the step has not stepped."""
    model = network()
    wrapper = AmpOptimWrapper(
        optimizer=SGD(model.parameters(), lr=0.1), dtype="float16", loss_scale=4.0, accumulative_counts=2
    )
    wrapper.update_params(model(data(1)[0]).sum() * float("inf"))
    assert not wrapper.close_window()
    assert wrapper.step_count == 0
    assert not wrapper.is_window_open


@pytest.mark.parametrize("through_state", [False, True])
def test_a_training_that_goes_on(through_state: bool) -> None:
    """What follows has windows that end where they always did; the first is divided by its own length."""
    model, wrapper, _ = run(6, -1)
    if through_state:
        state = wrapper.state_dict()
        wrapper = wrap(model)
        wrapper.load_state_dict(state)
    wrapper.initialize_count_status(model, 6, 15)
    train(model, wrapper, data(15)[6:])
    want = network()
    optimizer = AdamW(want.parameters(), lr=0.1)
    batches = data(15)
    for first, last in ((0, 4), (4, 6), (6, 8), (8, 12), (12, 15)):
        for x in batches[first:last]:
            (want(x).square().mean() / (last - first)).backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.testing.assert_close(vector(model), vector(want), rtol=1e-9, atol=1e-12)
    assert wrapper.step_count == 5


def test_a_new_training_begins_at_a_whole_window(caplog: pytest.LogCaptureFixture) -> None:
    """A training from 0 knows nothing of the end of the one before."""
    model, wrapper, _ = run(2, -1)
    wrapper.initialize_count_status(model, 0, -1)
    train(model, wrapper, data(4))
    assert wrapper.step_count == 2
    assert not wrapper.is_window_open
    assert not caplog.records


def test_members() -> None:
    """Of several optimizers each closes its own window."""
    first, second = network(), network()
    members = OptimWrapperDict(a=wrap(first, 4), b=wrap(second, 2))
    for x in data(2):
        members["a"].update_params(first(x).square().mean())
        members["b"].update_params(second(x).square().mean())
    assert members.is_window_open
    assert members.close_window()
    assert (members["a"].step_count, members["b"].step_count) == (1, 1)
    assert torch.equal(vector(first), vector(second))
    assert not members.is_window_open
    assert not members.close_window()


def both_ways(
    two_ranks: Callable[..., list[Any]], parallel: Callable[[nn.Module], nn.Module], **settings: Any
) -> None:
    """Six micro-batches on each of two ranks, unannounced and announced, have the same weights."""

    def on_rank(rank: int) -> list[list[float]]:
        models = [parallel(network()), parallel(network())]
        for model, announced in zip(models, (-1, 6), strict=True):
            run(6, announced, model=model, rank=rank, **settings)
        return [vector(model).tolist() for model in models]

    first, second = two_ranks(on_rank)
    assert first[0] == first[1] == second[0] == second[1]


@pytest.mark.parametrize("weight", [None, 2.0])
@pytest.mark.parametrize("bucket_view", [False, True])
def test_two_ranks(bucket_view: bool, weight: Any, two_ranks: Callable[..., list[Any]]) -> None:
    """What `no_sync` kept on each rank is averaged, bit for bit as DistributedDataParallel would have done."""
    both_ways(
        two_ranks,
        lambda each: DistributedDataParallel(each, gradient_as_bucket_view=bucket_view),
        weight=weight,
    )


def test_shards_of_two_ranks(two_ranks: Callable[..., list[Any]]) -> None:
    """What `fully_shard` kept whole on each rank is reduced and sharded."""

    def parallel(model: nn.Module) -> nn.Module:
        fully_shard(model[0])  # type: ignore[index]
        return fully_shard(model)

    both_ways(two_ranks, parallel)


def test_ranks_that_use_other_parameters(two_ranks: Callable[..., list[Any]]) -> None:
    """A parameter that only one rank has used counts as 0 on the other, and one that none has used stays."""

    class Routed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.routes = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(3))
            for route in self.routes:
                nn.init.ones_(route.weight)  # type: ignore[arg-type]

        def forward(self, which: int) -> Tensor:
            out: Tensor = self.routes[which](torch.ones(1, 1))
            return out.sum()

    def on_rank(rank: int) -> list[float]:
        model = DistributedDataParallel(Routed(), find_unused_parameters=True)
        wrapper = OptimWrapper(SGD(model.parameters(), lr=1.0), accumulative_counts=2)
        with wrapper.optim_context(model):
            loss = model(rank)
        wrapper.update_params(loss)
        assert wrapper.close_window()
        return vector(model).tolist()

    assert two_ranks(on_rank) == [[0.5, 0.5, 1.0]] * 2


def test_a_window_from_a_state_is_of_each_rank(two_ranks: Callable[..., list[Any]]) -> None:
    """A run that is resumed inside a window and ends at once averages what each rank had saved."""

    def on_rank(rank: int) -> list[float]:
        model = DistributedDataParallel(network())
        wrapper = wrap(model)
        train(model, wrapper, data(2, rank))
        again = DistributedDataParallel(network())
        resumed = wrap(again)
        resumed.load_state_dict(wrapper.state_dict())
        resumed.initialize_count_status(again, 2, -1)
        assert resumed.close_window()
        assert wrapper.close_window()
        assert torch.equal(vector(model), vector(again))
        weights: list[float] = vector(again).tolist()
        return weights

    first, second = two_ranks(on_rank)
    assert first == second


def test_gradients_that_were_sent_already_stay(two_ranks: Callable[..., list[Any]]) -> None:
    """Without `optim_context` every backward pass sends; the average of equal gradients is what they were."""

    def on_rank(rank: int) -> list[list[float]]:
        seen = []
        for announced in (-1, 6):
            model = DistributedDataParallel(network())
            wrapper = wrap(model)
            wrapper.initialize_count_status(model, 0, announced)
            train(model, wrapper, data(6, rank), context=False)
            wrapper.close_window()
            seen.append(vector(model).tolist())
        return seen

    (closed, known), other = two_ranks(on_rank)
    assert closed == known == other[0]


def test_fsdp1_drops_the_window(
    two_ranks: Callable[..., list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """The older wrapper has whole gradients that do not fit its shards: a warning, and no step."""

    def on_rank(rank: int) -> tuple[bool, int, list[str]]:
        model = FullyShardedDataParallel(network(), device_id=torch.device("cpu"))
        with caplog.at_level(logging.WARNING):
            _, wrapper, stepped = run(6, -1, model=model, rank=rank)
        return stepped, wrapper.step_count, [record.message for record in caplog.records]

    for stepped, steps, messages in two_ranks(on_rank):
        assert (stepped, steps) == (False, 1)
        assert "accumulation window is dropped. Use `fully_shard`" in messages[-1]
