"""How FSDPStrategy brings a model to its devices: part by part, also one that has no memory yet."""

from types import SimpleNamespace

import pytest
import torch
from torch import distributed, nn
from torch.distributed.tensor import DTensor, _random
from torch.testing._internal.distributed.fake_pg import FakeStore
from toy_training import Net, toy_runner

from eng_dist import get_rank, rng_state, seed_everything
from eng_runner import FSDPStrategy

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*non-leaf Tensor.*:UserWarning", "ignore:DTensor random operators:UserWarning"
)


@pytest.fixture
def accelerators(monkeypatch):
    """Two accelerators, for which the device `meta` stands, in a group that knows nothing else, as with NCCL."""
    module = SimpleNamespace(
        current_device=lambda: 0,
        device_count=lambda: 2,
        is_available=lambda: True,
        is_initialized=lambda: True,
    )
    monkeypatch.setattr(torch, "meta", module, raising=False)
    for name in ("eng_model.wrappers.fsdp_settings", "eng_runner.strategies.fsdp"):
        monkeypatch.setattr(f"{name}.get_device", lambda: torch.device("meta"), raising=False)
    distributed.init_process_group("meta:fake", store=FakeStore(), rank=0, world_size=2)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("accelerators")
def test_a_model_of_the_host_is_never_whole_on_an_accelerator():
    """Whenever the wrapper asks whether to shard a part, nothing of the model is whole there."""
    net, whole = Net(), []

    def linears(module, recurse, nonwrapped_numel):
        whole.extend(
            n for n, each in net.named_parameters() if each.is_meta and not isinstance(each, DTensor)
        )
        return recurse or isinstance(module, nn.Linear)

    FSDPStrategy({"auto_wrap_policy": linears}).wrap(net)
    assert whole == []
    assert all(isinstance(parameter, DTensor) and parameter.is_meta for parameter in net.parameters())
    assert net.data_preprocessor.device.type == "meta"


@pytest.mark.usefixtures("accelerators")
def test_random_numbers_are_counted_from_the_beginning(monkeypatch):
    """torch would begin in the middle of a training, and replace each random state by that of the first process."""
    monkeypatch.setattr(_random, "_rng_tracker", None)
    monkeypatch.setattr(
        torch.meta, "get_rng_state", lambda: pytest.fail("it is sent to the others"), raising=False
    )
    monkeypatch.setattr(
        torch.meta, "set_rng_state", lambda state: pytest.fail("it is replaced"), raising=False
    )
    FSDPStrategy().wrap(Net())
    assert isinstance(_random._rng_tracker, _random.OffsetBasedRNGTracker)


class Initialised(Net):
    """One with rules for its weights and a buffer that is whole in every process."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.init_cfg = [
            {"type": "Kaiming", "layer": "Linear", "distribution": "uniform"},
            {"type": "Constant", "layer": "BatchNorm1d", "val": 0.5, "bias": 0.25},
        ]


def test_a_model_without_memory_is_initialised_after_it_is_sharded(ranks):
    """Each process draws its part of one set of weights, and then continues with random numbers of its own."""

    def body():
        seed_everything(get_rank())
        torch.rand(get_rank() + 1)
        with torch.device("meta"):
            net = Initialised()
        before = rng_state()["torch"]
        FSDPStrategy({"auto_wrap_policy": ["Linear"]}).wrap(net)
        assert torch.equal(rng_state()["torch"], before)
        assert not any(each.is_meta for each in (*net.parameters(), *net.buffers()))
        return {name: value.full_tensor().flatten().tolist() for name, value in net.named_parameters()}

    first, second = ranks(2, body)
    assert first == second
    assert len(set(first["up.weight"])) == 8  # no process has drawn the numbers of another one
    assert first["norm.weight"] == [0.5] * 8
    assert first["up.bias"] == [0.0] * 8


def test_a_model_without_memory_keeps_what_it_is_reset_to(ranks):
    """With `skip_init_weights`, as for one whose weights are loaded right afterwards."""

    def body():
        with torch.device("meta"):
            net = Initialised()
        FSDPStrategy(skip_init_weights=True).wrap(net)
        return net.is_init, net.norm.weight.full_tensor().tolist()

    assert ranks(2, body) == [(False, [1.0] * 8)] * 2


def test_a_run_begins_with_a_model_without_memory(tmp_path, ranks):
    """From the model to the checkpoint; another run continues from it."""

    def body(epochs, resume):
        with torch.device("meta"):
            net = Net()
        runner = toy_runner(
            tmp_path, model=net, strategy={"type": "FSDPStrategy"}, launcher="pytorch", resume=resume,
            train_cfg={"by_epoch": True, "max_epochs": epochs},
        )  # fmt: skip
        runner.train()
        return runner.clock.iter, all(bool(each.to_local().isfinite().all()) for each in net.parameters())

    assert ranks(2, lambda: body(1, False)) == [(4, True)] * 2
    assert ranks(2, lambda: body(2, True)) == [(8, True)] * 2
