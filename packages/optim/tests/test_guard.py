"""Steps that are skipped because their gradients are not finite, against trainings without those batches."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.distributed.fsdp import fully_shard
from torch.optim import SGD, Adam, AdamW, Optimizer

import eng_optim.guard
from eng_optim import (
    TORCH_OPTIMIZERS,
    AmpOptimWrapper,
    ExponentialLR,
    OptimWrapper,
    OptimWrapperDict,
    ZeroRedundancyOptimizer,
    guard_steps,
)
from eng_optim.snapshot import Snapshot
from eng_registry import OPTIMIZERS


class Own(Optimizer):
    """An optimizer with all that one may have: counters in Python, lists, tuples, tensors that are replaced."""

    def __init__(self, params: Any, lr: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "k": 0, "history": []})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move by something that depends on all of it."""
        for group in self.param_groups:
            group["k"] += 1
            group["history"].append(group["k"])
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state.update(
                        steps=0, slow=torch.zeros_like(parameter), pair=(parameter.clone(), 1), queue=[]
                    )
                state["steps"] += 1
                state["slow"] = state["slow"] * 0.9 + parameter.grad
                state["pair"] = (state["pair"][0] + parameter.grad, state["steps"])
                state["queue"] = [*state["queue"], parameter.grad.clone()][-2:]
                state[f"seen {state['steps']}"] = True
                state.pop(f"seen {state['steps'] - 2}", None)
                move = state["slow"] + state["pair"][0] * 0.01 + state["queue"][0] / len(group["history"])
                parameter.sub_(move, alpha=group["lr"] / state["steps"])


VARIANTS: dict[str, tuple[Any, dict[str, Any]]] = {
    **{
        name: (name, {})
        for name in TORCH_OPTIMIZERS
        if name not in ("Optimizer", "LBFGS", "SparseAdam", "Muon")
    },
    "SGD with momentum": ("SGD", {"momentum": 0.9}),
    "SGD with dampening": ("SGD", {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    "SGD nesterov": ("SGD", {"momentum": 0.9, "nesterov": True, "foreach": True}),
    "SGD fused": ("SGD", {"momentum": 0.9, "fused": True}),
    "SGD fused, plain": ("SGD", {"fused": True}),
    "Adam foreach": ("Adam", {"foreach": True}),
    "Adam fused": ("Adam", {"fused": True}),
    "AdamW amsgrad": ("AdamW", {"amsgrad": True}),
    "AdamW amsgrad fused": ("AdamW", {"amsgrad": True, "fused": True}),
    "AdamW for one": ("AdamW", {"foreach": False}),
    "AdamW maximize": ("AdamW", {"maximize": True}),
    "RMSprop centered": ("RMSprop", {"centered": True, "momentum": 0.9}),
    "Adagrad with a start": ("Adagrad", {"initial_accumulator_value": 0.5}),
    "Adagrad fused": ("Adagrad", {"fused": True}),
    "Own": (Own, {}),
}
BAD = {"first": [0], "in the middle": [3], "first two and more": [0, 1, 4], "all": list(range(6))}


def network() -> nn.Module:
    """The same small network each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2, bias=False))


def data(count: int, bad: list[int]) -> list[Tensor]:
    """Batches, of which some are not numbers."""
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randn(5, 3, generator=generator) for _ in range(count)]
    return [batch * float("inf") if at in bad else batch for at, batch in enumerate(batches)]


def wrap(model: nn.Module, variant: tuple[Any, dict[str, Any]], **settings: Any) -> OptimWrapper:
    """A wrapper of that optimizer, with two groups."""
    groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters()), "lr": 0.02}]  # type: ignore[index]
    optimizer = OPTIMIZERS.build(
        {"type": variant[0], "lr": 0.01, **variant[1]}, default_args={"params": groups}
    )
    return OptimWrapper(optimizer, **settings)


def train(model: nn.Module, wrapper: OptimWrapper, batches: list[Tensor]) -> None:
    """Steps on the batches."""
    for x in batches:
        wrapper.update_params(model(x).square().mean())


def same(mine: Any, other: Any) -> bool:
    """Whether two states are bit for bit the same, in values and kinds."""
    if isinstance(mine, Tensor):
        return isinstance(other, Tensor) and mine.dtype == other.dtype and torch.equal(mine, other)
    if isinstance(mine, dict):
        return (
            isinstance(other, dict)
            and mine.keys() == other.keys()
            and all(same(mine[k], other[k]) for k in mine)
        )
    if isinstance(mine, list | tuple):
        return len(mine) == len(other) and all(map(same, mine, other))
    return type(mine) is type(other) and mine == other


def without_bad(
    variant: tuple[Any, dict[str, Any]], count: int, bad: list[int], **settings: Any
) -> tuple[Any, Any]:
    """The parameters and the state of a training without the bad batches."""
    model = network()
    wrapper = wrap(model, variant, **settings)
    train(model, wrapper, [batch for at, batch in enumerate(data(count, [])) if at not in bad])
    return list(model.parameters()), wrapper.optimizer.state_dict()


@pytest.fixture(params=[False, True], ids=["at once", "late"])
def late(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the host knows what happened only at the next step, as with an accelerator."""
    if request.param:
        monkeypatch.setattr(eng_optim.guard, "_is_at_hand", lambda flag: False)
    is_late: bool = request.param
    return is_late


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_as_if_the_batch_had_not_been(
    variant: tuple[Any, dict[str, Any]], bad: list[int], late: bool
) -> None:
    """Parameters, moments and counters are bit for bit those of a training without the bad batches."""
    model = network()
    wrapper = wrap(model, variant)
    with guard_steps(wrapper) as guard:
        for at, x in enumerate(data(6, bad)):
            before = copy.deepcopy(list(model.parameters()))
            train(model, wrapper, [x])
            if at in bad:
                assert same(before, list(model.parameters()))
        assert guard.read()[0] == len(bad)
    parameters, state = without_bad(variant, 6, bad)
    assert same(list(model.parameters()), parameters)
    assert same(wrapper.optimizer.state_dict(), state)
    assert wrapper.step_count == 6 - len(bad)


def test_a_state_between_steps_is_that_of_the_steps_that_were_taken(late: bool) -> None:
    """A checkpoint right after a skipped step has nothing of it, nor has the count of steps."""
    model = network()
    wrapper = wrap(model, ("AdamW", {}))
    guard = guard_steps(wrapper)
    train(model, wrapper, data(1, [0]))
    assert wrapper.optimizer.state_dict()["state"] == {}
    state = wrapper.state_dict()
    assert state["accumulation"]["step_count"] == wrapper.step_count == 0
    train(model, wrapper, data(3, [2]))
    assert wrapper.state_dict()["accumulation"]["step_count"] == 2
    assert guard.read() == (2, 1)
    wrapper.load_state_dict(state)
    assert wrapper.step_count == 0
    train(model, wrapper, data(2, [1]))
    assert guard.read() == (3, 1)
    assert wrapper.step_count == 1


@pytest.mark.parametrize("settings", [{"clip_grad": {"max_norm": 0.1}}, {"accumulative_counts": 2}])
def test_with_all_that_a_wrapper_does(settings: dict[str, Any]) -> None:
    """Clipped, accumulated: a window with a bad batch is skipped as a whole."""
    model = network()
    wrapper = wrap(model, ("AdamW", {}), **settings)
    schedule = ExponentialLR(wrapper, gamma=0.9, by_epoch=False)
    with guard_steps(wrapper) as guard:
        train(model, wrapper, data(6, [2]))
        assert guard.read() == (1, 1)
    window = settings.get("accumulative_counts", 1)
    parameters, _ = without_bad(("AdamW", {}), 6, list(range(2, 2 + window)), **settings)
    assert same(list(model.parameters()), parameters)
    assert schedule.get_last_value() == [0.01, 0.02, 0.01]


def test_groups_that_a_schedule_changes_keep_the_change(late: bool) -> None:
    """What is put back is what the step itself had changed."""
    model = network()
    wrapper = wrap(model, (Own, {}))
    schedule = ExponentialLR(wrapper, gamma=0.5)
    with guard_steps(wrapper):
        for x in data(4, [1, 2]):
            train(model, wrapper, [x])
            schedule.step()
    groups = wrapper.optimizer.param_groups
    assert [(group["lr"], group["k"], group["history"]) for group in groups] == [
        (0.01 / 16, 2, [1, 1, 2, 2]),  # a list that both groups have
        (0.02 / 16, 2, [1, 1, 2, 2]),
    ]


def test_streaks() -> None:
    """The longest one since the last look counts from where it began."""
    model = network()
    wrapper = wrap(model, ("SGD", {}))
    guard = guard_steps(wrapper)
    assert guard.read() == (0, 0)
    seen = []
    for bad in ([], [1], [3, 4], [0, 1], [], [1, 2, 4], []):
        train(model, wrapper, data(5, bad))
        seen.append(guard.read())
    assert seen == [(0, 0), (1, 1), (3, 2), (5, 4), (5, 0), (8, 2), (8, 1)]
    assert wrapper.step_count == 35 - 8


def test_one_gradient_is_enough() -> None:
    """Of one parameter, infinite or not a number; the others are not moved either."""
    for value in (float("inf"), -float("inf"), float("nan")):
        weights = [nn.Parameter(torch.ones(2)) for _ in range(3)]
        wrapper = OptimWrapper(SGD(weights, lr=0.1, weight_decay=0.5))
        with guard_steps(wrapper) as guard:
            wrapper.update_params(weights[0].sum() + (weights[1] * torch.tensor([1.0, value])).sum())
            assert guard.read() == (1, 1)
        assert [weight.tolist() for weight in weights] == [[1, 1]] * 3
        wrapper.update_params(weights[0].sum() * value)  # removed: as without a guard
        assert not torch.isfinite(weights[0]).all()


def test_members() -> None:
    """Of several optimizers each is guarded for itself; what is read is the sum, and the longest."""
    first, second = network(), network()
    members = OptimWrapperDict(a=wrap(first, ("SGD", {})), b=wrap(second, ("Adam", {})))
    with guard_steps(members) as guard:
        train(first, members["a"], data(5, [1, 2]))
        train(second, members["b"], data(5, [3]))
        assert guard.read() == (3, 2)
    assert (members["a"].step_count, members["b"].step_count) == (3, 4)


def test_parameters_without_a_gradient_and_steps_without_any() -> None:
    """Only what has a gradient is looked at; a step without gradients is none to look at."""
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    wrapper = OptimWrapper(AdamW(weights, lr=0.1))
    with guard_steps(wrapper) as guard:
        wrapper.step()
        wrapper.update_params(weights[0].sum())
        wrapper.update_params(weights[0].sum() * float("nan"))
        assert guard.read() == (1, 1)
    assert len(wrapper.optimizer.state) == 1
    assert weights[1].item() == 1


def test_sparse_gradients(late: bool) -> None:
    """Those of an embedding."""

    def run(batches: list[float]) -> Tensor:
        torch.manual_seed(0)
        table = nn.Embedding(4, 2, sparse=True)
        wrapper = OptimWrapper(torch.optim.SparseAdam(table.parameters(), lr=0.1))
        with guard_steps(wrapper):
            for factor in batches:
                wrapper.update_params(table(torch.tensor([1, 1, 2])).sum() * factor)
        return table.weight.detach()

    assert torch.equal(run([1.0, float("nan"), 2.0]), run([1.0, 2.0]))


@pytest.mark.parametrize("fused", [False, True])
def test_a_scaler_skips_by_itself(fused: bool) -> None:
    """Its overflows are neither counted here nor taken from `step_count` twice."""
    weight = nn.Parameter(torch.ones(1))
    wrapper = AmpOptimWrapper(dtype="float16", loss_scale=4.0, optimizer=AdamW([weight], lr=0.1, fused=fused))
    with guard_steps(wrapper) as guard:
        for factor in (1.0, float("inf"), 1.0):
            wrapper.update_params((weight * factor).sum())
        assert guard.read() == (0, 0)
    assert wrapper.step_count == 2


def test_mixed_precision_without_a_scaler() -> None:
    """bfloat16 has none, and its steps are guarded."""
    weight = nn.Parameter(torch.ones(1))
    wrapper = AmpOptimWrapper(dtype="bfloat16", optimizer=SGD([weight], lr=0.1))
    with guard_steps(wrapper) as guard:
        for factor in (1.0, float("inf"), 1.0):
            wrapper.update_params((weight * factor).sum())
        assert guard.read() == (1, 1)
    assert wrapper.step_count == 2
    assert weight.item() == pytest.approx(0.8)


def test_a_compiled_step() -> None:
    """A step that was compiled is guarded around, and not compiled anew."""
    counter = CompileCounter()
    model = network()
    wrapper = wrap(model, ("SGD", {"momentum": 0.9}), compile={"backend": counter})
    compiled = wrapper.optimizer.step
    with guard_steps(wrapper) as guard:
        train(model, wrapper, data(6, [3]))
        assert guard.read() == (1, 1)
    assert wrapper.optimizer.step is compiled
    assert 1 <= counter.frame_count <= 4
    parameters, _ = without_bad(("SGD", {"momentum": 0.9}), 6, [3])
    torch.testing.assert_close(list(model.parameters()), parameters)


def test_a_subclass_of_a_tensor_in_the_state() -> None:
    """What has operators of its own is copied back."""

    class Quantised(torch.Tensor):
        """Stands for the states of 8-bit optimizers."""

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.where:
                raise TypeError("no `where` of this kind")
            return super().__torch_function__(func, types, args, kwargs or {})

    class Coarse(SGD):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            """Keep the last gradient in a type of its own."""
            for parameter in self.param_groups[0]["params"]:
                state = self.state[parameter]
                kept = state.setdefault("kept", torch.zeros_like(parameter).as_subclass(Quantised))
                kept.copy_(parameter.grad)
                parameter.sub_(kept.as_subclass(torch.Tensor))

    weight = nn.Parameter(torch.ones(1))
    wrapper = OptimWrapper(Coarse([weight]))
    with guard_steps(wrapper):
        for factor in (0.25, float("nan"), 0.5):
            wrapper.update_params((weight * factor).sum())
            assert weight.item() in (0.75, 0.25)
    assert wrapper.optimizer.state[weight]["kept"].item() == 0.5


@pytest.mark.parametrize("settings", [{}, {"fused": True}])
def test_fused_optimizers_take_no_second_copy(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the first step, which makes the state."""
    taken = []

    class Counted(Snapshot):
        def __init__(self, optimizer: Optimizer) -> None:
            taken.append(optimizer)
            super().__init__(optimizer)

    monkeypatch.setattr(eng_optim.guard, "Snapshot", Counted)
    model = network()
    wrapper = wrap(model, ("AdamW", settings))
    with guard_steps(wrapper):
        train(model, wrapper, data(6, [2]))
    assert len(taken) == (1 if settings else 6)


def test_nothing_is_left_in_memory() -> None:
    """The copies are gone after the step."""
    weight = nn.Parameter(torch.ones(8))
    wrapper = OptimWrapper(AdamW([weight], lr=0.1))
    guard = guard_steps(wrapper)
    wrapper.update_params(weight.sum())
    assert guard._watches[0]._snapshot is None
    assert guard._watches[0]._late is None


class Meta(nn.Module):
    """Two layers on a device without values."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1)).to("meta")

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.square().mean()


@pytest.mark.parametrize(
    "make",
    [
        lambda net: SGD(net.parameters(), lr=0.1, momentum=0.9),
        lambda net: AdamW(net.parameters(), lr=0.1),
        lambda net: Adam(net.parameters(), lr=0.1, amsgrad=True, capturable=False),
        lambda net: torch.optim.NAdam(net.parameters(), lr=0.1),
        lambda net: Own(net.parameters()),
    ],
    ids=["SGD", "AdamW", "amsgrad", "NAdam", "Own"],
)
def test_the_host_does_not_wait(make: Callable[[nn.Module], Optimizer]) -> None:
    """Not in the first step either."""
    net, other = Meta(), Meta()
    members = OptimWrapperDict(a=OptimWrapper(make(net)), b=OptimWrapper(make(other)))
    x = torch.empty(3, 8, device="meta")
    guard_steps(members)  # never read: tensors on `meta` have no values
    with HostWaits() as seen:
        for _ in range(4):
            members["a"].update_params(net(x))
            members["b"].update_params(other(x))
    assert seen.waits == []


def test_a_guard_that_is_read_waits_once() -> None:
    """One transfer for all."""
    weights = [nn.Parameter(torch.ones(1)) for _ in range(3)]
    members = OptimWrapperDict(**{f"m{at}": OptimWrapper(SGD([w], lr=0.1)) for at, w in enumerate(weights)})
    guard = guard_steps(members)
    members["m0"].update_params(weights[0].sum())
    members["m2"].update_params(weights[2].sum() * float("nan"))
    calls = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__name__ in ("tolist", "item"):
            calls.append(argument.__name__)

    sys.setprofile(profile)
    try:
        assert guard.read() == (1, 1)
    finally:
        sys.setprofile(None)
    assert calls == ["tolist"]


def test_shards_of_two_ranks(two_ranks: Callable[..., list[Any]]) -> None:
    """A gradient that is not finite on one rank is so for the shards of all."""

    def on_rank(rank: int) -> list[Any]:
        def run(factors: list[float]) -> list[float]:
            torch.manual_seed(0)
            model = nn.Linear(4, 3)
            fully_shard(model)
            wrapper = OptimWrapper(AdamW(model.parameters(), lr=0.1))
            with guard_steps(wrapper) as guard:
                for factor in factors:
                    x = torch.ones(2, 4) * (rank + 1)
                    x[0, 0] *= factor if rank else 1.0
                    wrapper.update_params(model(x).square().mean())
                assert guard.read()[0] == sum(factor != 1.0 for factor in factors)
            weights: list[float] = model.weight.full_tensor().flatten().tolist()  # type: ignore[operator]
            return weights

        return [run([1.0, float("inf"), 1.0]), run([1.0, 1.0])]

    (with_bad, without), other = two_ranks(on_rank)
    assert with_bad == without == other[0]


def test_the_state_of_an_optimizer_in_parts(two_ranks: Callable[..., list[Any]]) -> None:
    """A ZeroRedundancyOptimizer has its state in another optimizer on each rank."""

    def on_rank(rank: int) -> list[Any]:
        def run(factors: list[float]) -> list[Any]:
            model = network()
            optimizer = ZeroRedundancyOptimizer(model.parameters(), "AdamW", lr=0.1)
            wrapper = OptimWrapper(optimizer)
            with guard_steps(wrapper) as guard:
                for factor in factors:
                    wrapper.update_params(model(torch.ones(2, 3)).square().mean() * factor)
                assert guard.read()[0] == sum(factor != 1.0 for factor in factors)
            steps = [own["step"].item() for own in optimizer.optim.state.values()]
            return [nn.utils.parameters_to_vector(model.parameters()).tolist(), steps]

        return [run([float("nan"), 1.0, float("nan"), 1.0]), run([1.0, 1.0])]

    for with_bad, without in two_ranks(on_rank):
        assert with_bad == without


@pytest.mark.parametrize("name", ["Lion", "bnb_Lion"])
def test_optimizers_of_others(name: str) -> None:
    """If they are installed."""
    if OPTIMIZERS.get(name) is None:
        pytest.skip(f"{name} is not installed")
    model = network()
    wrapper = wrap(model, (name, {}))
    with guard_steps(wrapper):
        train(model, wrapper, data(6, [0, 3]))
    parameters, state = without_bad((name, {}), 6, [0, 3])
    assert same(list(model.parameters()), parameters)
    assert same(wrapper.optimizer.state_dict(), state)
