"""Members of an OptimWrapperDict: a step holds the gradients of its own window, against plain loops."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, Adam, Optimizer

from eng_optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict, SettingError


class Gan(nn.Module):
    """The two losses of a small DCGAN; the generator's one reaches both networks."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gen: nn.Module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).double()
        self.disc: nn.Module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()

    def d_loss(self, real: Tensor, noise: Tensor) -> Tensor:
        """The discriminator's: real ones and generated ones apart."""
        fake = self.disc(self.gen(noise).detach())
        return functional.softplus(fake).mean() + functional.softplus(-self.disc(real)).mean()

    def g_loss(self, noise: Tensor) -> Tensor:
        """The generator's: generated ones taken for real ones."""
        return functional.softplus(-self.disc(self.gen(noise))).mean()

    def weights(self) -> Tensor:
        """All weights in one row."""
        return nn.utils.parameters_to_vector(self.parameters()).detach().clone()


def batches(count: int, rank: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Real samples and noise."""
    generator = torch.Generator().manual_seed(1 + rank)
    for _ in range(count):
        yield torch.randn(2, 4, 2, generator=generator, dtype=torch.float64).unbind(0)


def adam(module: nn.Module) -> Optimizer:
    """The optimizer of the DCGAN paper."""
    return Adam(module.parameters(), lr=0.02, betas=(0.5, 0.999))


def members_of(gan: Gan, kind: Any = OptimWrapper, gen: int = 1, disc: int = 1) -> OptimWrapperDict:
    """A member for each network, with windows of so many micro-batches."""
    return OptimWrapperDict(
        gen=kind(optimizer=adam(gan.gen), accumulative_counts=gen),
        disc=kind(optimizer=adam(gan.disc), accumulative_counts=disc),
    )


def train(gan: Gan, members: OptimWrapperDict, data: Any, context: bool = False) -> None:
    """Train both networks on each batch, as `train_step` of a model does."""
    for real, noise in data:
        with members["disc"].optim_context(gan) if context else nullcontext():
            loss = gan.d_loss(real, noise)
        members["disc"].update_params(loss)
        with members["gen"].optim_context(gan) if context else nullcontext():
            loss = gan.g_loss(noise)
        members["gen"].update_params(loss)


def plain(gan: Gan, data: Any, gen: int = 1, disc: int = 1) -> Tensor:
    """The loop of plain PyTorch: gradients of each network alone, in windows of so many micro-batches."""
    optimizers = {"disc": adam(gan.disc), "gen": adam(gan.gen)}
    windows = {"disc": disc, "gen": gen}
    sums: dict[str, list[Tensor] | None] = {"disc": None, "gen": None}
    for count, (real, noise) in enumerate(data, 1):
        for name, optimizer in optimizers.items():
            loss = gan.d_loss(real, noise) if name == "disc" else gan.g_loss(noise)
            gan.zero_grad()
            (loss / windows[name]).backward()
            parameters = list(getattr(gan, name).parameters())
            own = [each.grad for each in parameters]
            before = sums[name]
            sums[name] = own if before is None else [a + b for a, b in zip(before, own, strict=True)]
            if count % windows[name] == 0:
                for parameter, total in zip(parameters, sums[name] or [], strict=True):
                    parameter.grad = total
                optimizer.step()
                sums[name] = None
    return gan.weights()


@pytest.mark.parametrize(
    ("kind", "settings"), [(OptimWrapper, {}), (AmpOptimWrapper, {"dtype": "float64", "loss_scale": 4.0})]
)
def test_a_gan_is_the_loop_of_plain_pytorch(kind: Any, settings: dict[str, Any]) -> None:
    """`update_params` for each member gives bit for bit what zero_grad, backward, step for each network give."""
    gan, other = Gan(), Gan()
    members = OptimWrapperDict(
        gen=kind(optimizer=adam(gan.gen), **settings), disc=kind(optimizer=adam(gan.disc), **settings)
    )
    train(gan, members, batches(6))
    optimizers = adam(other.disc), adam(other.gen)
    for real, noise in batches(6):
        for optimizer, loss in zip(optimizers, (other.d_loss, other.g_loss), strict=True):
            optimizer.zero_grad()
            (loss(real, noise) if loss == other.d_loss else loss(noise)).backward()  # type: ignore[call-arg]
            optimizer.step()
    assert torch.equal(gan.weights(), other.weights())


@pytest.mark.parametrize(("gen", "disc"), [(1, 2), (2, 1), (4, 2), (3, 2)])
def test_each_member_has_a_window_of_its_own(gen: int, disc: int) -> None:
    """A window of one member survives the backward passes and steps of the other, untouched."""
    gan = Gan()
    train(gan, members_of(gan, gen=gen, disc=disc), batches(12))
    assert torch.equal(gan.weights(), plain(Gan(), batches(12), gen=gen, disc=disc))


def test_gradients_of_others_are_the_same_objects_afterwards() -> None:
    """What is put aside is put back, not copied, also if the backward pass fails."""
    gan = Gan()
    members = members_of(gan, disc=2)
    real, noise = next(batches(1))
    members["disc"].update_params(gan.d_loss(real, noise))
    before = [each.grad for each in gan.disc.parameters()]
    members["gen"].update_params(gan.g_loss(noise))
    assert all(a is b for a, b in zip(before, (each.grad for each in gan.disc.parameters()), strict=True))
    with pytest.raises(RuntimeError, match="does not require grad"):
        members["gen"].backward(torch.zeros(()))
    assert all(a is b for a, b in zip(before, (each.grad for each in gan.disc.parameters()), strict=True))


def test_a_backward_pass_of_the_user_adds_to_all() -> None:
    """What `loss.backward()` outside of the members leaves is part of the next step of each."""
    gan, other = Gan(), Gan()
    members = members_of(gan)
    real, noise = next(batches(1))
    gan.g_loss(noise).backward()
    members["disc"].update_params(gan.d_loss(real, noise))
    members["gen"].update_params(gan.g_loss(noise))
    d_optimizer, g_optimizer = adam(other.disc), adam(other.gen)
    other.g_loss(noise).backward()
    other.d_loss(real, noise).backward()
    d_optimizer.step()
    d_optimizer.zero_grad()
    other.g_loss(noise).backward()
    g_optimizer.step()
    assert torch.equal(gan.weights(), other.weights())


@pytest.mark.parametrize("at", range(1, 7))
def test_resume_inside_the_window_of_one_member(at: int) -> None:
    """Stopped where one window is open and the other is not, the training goes on bit for bit."""
    whole = Gan()
    train(whole, members_of(whole, gen=3, disc=2), batches(8))
    data = list(batches(8))
    first = Gan()
    members = members_of(first, gen=3, disc=2)
    train(first, members, data[:at])
    second = Gan()
    resumed = members_of(second, gen=3, disc=2)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(members.state_dict())
    train(second, resumed, data[at:])
    assert torch.equal(second.weights(), whole.weights())


def test_backward_that_a_user_has_overridden() -> None:
    """A `backward` that does without that of the base class leaves the other members alone, too."""

    class Own(OptimWrapper):
        def backward(self, loss: Tensor, **kwargs: Any) -> None:
            loss.backward()  # type: ignore[no-untyped-call]
            self._inner_count += 1

    gan = Gan()
    train(gan, members_of(gan, kind=Own), batches(3))
    assert torch.equal(gan.weights(), plain(Gan(), batches(3)))


def shared_members(gen: int, disc: int) -> tuple[nn.Linear, nn.Linear, nn.Linear, OptimWrapperDict]:
    """Two heads on one body that both members train."""
    torch.manual_seed(0)
    body, head, other = nn.Linear(2, 2), nn.Linear(2, 1), nn.Linear(2, 1)
    members = OptimWrapperDict(
        gen=OptimWrapper(SGD([*body.parameters(), *head.parameters()], lr=0.1), accumulative_counts=gen),
        disc=OptimWrapper(SGD([*body.parameters(), *other.parameters()], lr=0.1), accumulative_counts=disc),
    )
    return body, head, other, members


def test_a_parameter_of_two_members_has_a_gradient_for_each() -> None:
    """The step of one member holds nothing of the other's losses, and leaves the other's window as it is."""
    body, head, other, members = shared_members(gen=2, disc=1)
    generator = torch.Generator().manual_seed(2)
    data = [torch.randn(3, 2, generator=generator) for _ in range(4)]
    for x in data:
        members["gen"].update_params(head(body(x)).square().mean())
        members["disc"].update_params(other(body(x)).square().mean())
    want, want_head, want_other, _ = shared_members(gen=2, disc=1)
    heads = [*want.parameters(), *want_head.parameters()]
    sums = [torch.zeros_like(each) for each in heads]
    gen = SGD(heads, lr=0.1)
    disc = SGD([*want.parameters(), *want_other.parameters()], lr=0.1)
    for count, x in enumerate(data, 1):
        loss = want_head(want(x)).square().mean() / 2
        sums = [a + b for a, b in zip(sums, torch.autograd.grad(loss, heads), strict=True)]
        if count % 2 == 0:
            for parameter, total in zip(heads, sums, strict=True):
                parameter.grad = total
            gen.step()
            gen.zero_grad()
            sums = [torch.zeros_like(each) for each in heads]
        disc.zero_grad()
        want_other(want(x)).square().mean().backward()
        disc.step()
    assert torch.equal(body.weight, want.weight)
    assert torch.equal(head.weight, want_head.weight)
    assert torch.equal(other.weight, want_other.weight)


def test_shared_parameters_by_hand_and_in_a_state() -> None:
    """`backward` of both and then `step` of both; in between, a state holds the gradients of each."""
    body, head, other, members = shared_members(gen=2, disc=2)
    x = torch.ones(1, 2)
    members["gen"].backward(head(body(x)).sum())
    members["disc"].backward(other(body(x)).sum())
    again, *_, resumed = shared_members(gen=2, disc=2)
    resumed.load_state_dict(members.state_dict())
    expected = [torch.autograd.grad(net(body(x)).sum(), [body.weight])[0] for net in (head, other)]
    for each, wrappers in ((body, members), (again, resumed)):
        seen = []
        for name in ("gen", "disc"):
            before = each.weight.detach().clone()
            wrappers[name].step()
            wrappers[name].zero_grad()
            seen.append((before - each.weight.detach()) / 0.1)
        torch.testing.assert_close(seen, expected)
        assert each.weight.grad is None
    # whoever computes next has what the user's own backward pass adds
    body.weight.sum().backward()  # type: ignore[no-untyped-call]
    before = body.weight.detach().clone()
    members["disc"].step()
    torch.testing.assert_close(before - body.weight.detach(), torch.full((2, 2), 0.1))


def test_toggled_trains_one_member() -> None:
    """In `toggled` the parameters of the others need no gradient; afterwards all is as it was."""
    gan = Gan()
    frozen = gan.disc[0].bias  # type: ignore[index]
    frozen.requires_grad_(False)
    members = members_of(gan)
    with members.toggled("gen"):
        assert not any(each.requires_grad for each in gan.disc.parameters())
        assert all(each.requires_grad for each in gan.gen.parameters())
    assert [each for each in gan.parameters() if not each.requires_grad] == [frozen]
    with pytest.raises(ZeroDivisionError), members.toggled("disc"):
        1 / 0  # noqa: B018  # what fails inside
    assert [each for each in gan.parameters() if not each.requires_grad] == [frozen]
    with members.toggled("gen", "disc"):
        assert all(each.requires_grad for each in gan.parameters() if each is not frozen)
    with (
        pytest.raises(SettingError, match="no optimizer `other`; there are gen, disc"),
        members.toggled("other"),
    ):
        pass


def test_toggled_saves_computing_and_changes_nothing() -> None:
    """The steps are those without it."""
    gan = Gan()
    members = members_of(gan)
    for real, noise in batches(3):
        with members.toggled("disc"):
            members["disc"].update_params(gan.d_loss(real, noise))
        with members.toggled("gen"):
            members["gen"].update_params(gan.g_loss(noise))
    assert torch.equal(gan.weights(), plain(Gan(), batches(3)))


def test_parameters_that_came_later() -> None:
    """A group that is added to a member is kept from the others as well."""
    gan = Gan()
    members = members_of(gan)
    train(gan, members, batches(1))
    late = nn.Parameter(torch.ones(2, dtype=torch.float64))
    members["disc"].optimizer.add_param_group({"params": [late]})
    members["gen"].update_params(gan.g_loss(torch.ones(1, 2).double() * late))
    assert late.grad is None


def ranks_mean(gans: list[Gan], count: int, gen: int, disc: int) -> Tensor:
    """The plain loop over the batches of both ranks together, which has the mean of their gradients."""
    pairs = zip(batches(count, 0), batches(count, 1), strict=True)
    both = [tuple(torch.cat([a[part], b[part]]) for part in (0, 1)) for a, b in pairs]
    return plain(gans[0], both, gen=gen, disc=disc)


@pytest.mark.parametrize("bucket_view", [False, True])
@pytest.mark.parametrize(("gen", "disc"), [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("context", [False, True])
def test_two_ranks(
    context: bool, gen: int, disc: int, bucket_view: bool, two_ranks: Callable[..., list[Any]]
) -> None:
    """Under DistributedDataParallel a GAN of two ranks steps as one process with the samples of both.

    Without `optim_context` gradients are sent in every micro-batch, and are then parts of DDP's buckets.
    """

    class Wrapped(Gan):
        def __init__(self) -> None:
            super().__init__()
            self.gen = DistributedDataParallel(self.gen, gradient_as_bucket_view=bucket_view)
            self.disc = DistributedDataParallel(self.disc, gradient_as_bucket_view=bucket_view)

        def no_sync(self) -> Any:
            from contextlib import ExitStack

            stack = ExitStack()
            stack.enter_context(self.gen.no_sync())  # type: ignore[operator]
            stack.enter_context(self.disc.no_sync())  # type: ignore[operator]
            return stack

    def on_rank(rank: int) -> list[float]:
        gan = Wrapped()
        members = members_of(gan, gen=gen, disc=disc)
        train(gan, members, batches(4, rank), context=context)
        weights: list[float] = gan.weights().tolist()
        return weights

    first, second = two_ranks(on_rank)
    assert first == second
    expected = ranks_mean([Gan()], 4, gen, disc)
    torch.testing.assert_close(torch.tensor(first, dtype=torch.float64), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("bucket_view", [False, True])
def test_one_wrapper_around_the_whole_gan(bucket_view: bool, two_ranks: Callable[..., list[Any]]) -> None:
    """One DistributedDataParallel holds both networks, and averages what each backward pass leaves to both."""

    class Modes(Gan):
        def forward(self, mode: str, *args: Tensor) -> Tensor:
            return self.d_loss(*args) if mode == "disc" else self.g_loss(*args)

    def on_rank(rank: int) -> list[float]:
        gan = Modes()
        wrapped = DistributedDataParallel(
            gan, gradient_as_bucket_view=bucket_view, find_unused_parameters=True
        )
        members = members_of(gan, gen=1, disc=2)
        for real, noise in batches(4, rank):
            members["disc"].update_params(wrapped("disc", real, noise))
            members["gen"].update_params(wrapped("gen", noise))
        weights: list[float] = gan.weights().tolist()
        return weights

    first, second = two_ranks(on_rank)
    assert first == second
    expected = ranks_mean([Gan()], 4, gen=1, disc=2)
    torch.testing.assert_close(torch.tensor(first, dtype=torch.float64), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("context", [False, True])
def test_shards_of_two_ranks(context: bool, two_ranks: Callable[..., list[Any]]) -> None:
    """Under `fully_shard`, too, where the gradients of an open window would otherwise not be in `.grad`."""

    class Sharded(Gan):
        def __init__(self) -> None:
            super().__init__()
            fully_shard(self.gen)
            fully_shard(self.disc)
            fully_shard(self)

    def on_rank(rank: int) -> list[float]:
        gan = Sharded()
        members = members_of(gan, gen=2, disc=1)
        train(gan, members, batches(4, rank), context=context)
        weights: list[float] = torch.cat([p.full_tensor().flatten() for p in gan.parameters()]).tolist()  # type: ignore[attr-defined]
        return weights

    first, second = two_ranks(on_rank)
    assert first == second
    expected = ranks_mean([Gan()], 4, gen=2, disc=1)
    torch.testing.assert_close(torch.tensor(first, dtype=torch.float64), expected, atol=1e-9, rtol=0)


def our_calls(wrapper: OptimWrapper, parameter: Tensor) -> list[str]:
    """The functions of eng_optim that `update_params` runs through."""
    seen: list[str] = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and "eng_optim" in frame.f_code.co_filename:
            seen.append(frame.f_code.co_name)

    loss = parameter.sum()
    sys.setprofile(profile)
    try:
        wrapper.update_params(loss)
    finally:
        sys.setprofile(None)
    return seen


def test_a_single_wrapper_pays_nothing() -> None:
    """Without other members nothing is put aside, and no call is made to find out."""
    parameter = nn.Parameter(torch.zeros(2))
    assert our_calls(OptimWrapper(SGD([parameter], lr=0.1)), parameter) == [
        "update_params",
        "_forget_gradients",
    ]
    accumulating = OptimWrapper(SGD([parameter], lr=0.1), accumulative_counts=2)
    assert our_calls(accumulating, parameter) == [
        "update_params", "scale_loss", "length_of_window", "backward", "should_update", "closes_window",
    ]  # fmt: skip
