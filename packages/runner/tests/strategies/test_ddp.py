"""DDP as it is on a GPU, walked on a CPU, and which wrapper a configuration means."""

import socket

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from toy_training import Line, Net, toy_runner

from eng_checkpoint import entries
from eng_dist import destroy, init_dist
from eng_model import MMDistributedDataParallel, MMFullyShardedDataParallel
from eng_runner import DDPStrategy
from eng_runner.strategies import choose_strategy
from eng_runner.strategies.ddp import arguments_for, settle_buckets, wrapper_class


@pytest.fixture
def group_of_one(monkeypatch):
    """A process group of this process alone."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    values = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))
    init_dist("pytorch")
    yield
    destroy()


@pytest.mark.usefixtures("group_of_one")
@pytest.mark.parametrize("kind", [DistributedDataParallel, MMDistributedDataParallel])
def test_buckets_are_settled_where_torch_moves_the_inputs(kind):
    """On every GPU there are `device_ids`: torch then takes the first of the arguments, and there has to be one."""
    wrapped = kind(Line())
    wrapped.device_ids, wrapped.device_type = [0], "cpu"  # torch refuses them for a model on the CPU
    settle_buckets(wrapped)
    assert wrapped.reducer._rebuild_buckets()  # the order is known, and the next forward pass arranges them
    assert [parameter.grad for parameter in wrapped.parameters()] == [None, None]
    assert "forward" not in vars(wrapped.module)


class TheirWrapper(DistributedDataParallel):
    """One whose name says nothing."""


class NotDataParallel(nn.Module):
    """One of another kind, whose name says the contrary."""

    def __init__(self, module):
        super().__init__()
        self.module = module


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"type": TheirWrapper},
        {"type": "DistributedDataParallel"},
        {"type": "mmengine.MMDistributedDataParallel"},
    ],
)
def test_a_wrapper_of_ddp_gets_the_device_of_this_process(given):
    """Whatever its name, and however it is given: the class decides."""
    kind = wrapper_class(given)
    assert arguments_for(kind, torch.device("cuda", 1)) == {"device_ids": [1]}
    assert arguments_for(kind, torch.device("cpu")) == {"device_ids": None}


@pytest.mark.usefixtures("group_of_one")
def test_a_wrapper_of_another_kind_gets_the_model_only():
    """No argument that it might not have."""
    wrapped = DDPStrategy({"type": NotDataParallel}).wrap(Line())
    assert isinstance(wrapped, NotDataParallel)
    wrapped = DDPStrategy({"type": lambda module: NotDataParallel(module)}).wrap(Line())
    assert isinstance(wrapped.module, Line)


@pytest.mark.usefixtures("group_of_one")
@pytest.mark.parametrize("kind", ["MMFullyShardedDataParallel", MMFullyShardedDataParallel])
def test_the_sharding_wrapper_means_the_sharding_strategy(tmp_path, kind):
    """The documented key; its run trains and saves as one with `strategy` does."""
    runner = toy_runner(
        tmp_path, model=Net(), model_wrapper_cfg={"type": kind, "auto_wrap_policy": ["Linear"]}
    )
    runner.train()
    assert type(runner.strategy).__name__ == "FSDPStrategy"
    assert isinstance(runner.model, MMFullyShardedDataParallel)
    assert all((tmp_path / entry.name).is_dir() for entry in entries(tmp_path))
    assert len(entries(tmp_path)) == 3


@pytest.mark.usefixtures("group_of_one")
def test_batch_norms_are_synchronised_under_the_sharding_wrapper_too():
    """`sync_bn` beside it counts as well."""
    strategy = choose_strategy(
        None, model_wrapper_cfg={"type": "MMFullyShardedDataParallel"}, sync_bn="torch"
    )
    assert strategy.sync_bn == "torch"


@pytest.mark.usefixtures("group_of_one")
def test_a_further_model_is_sharded_as_it_is(tmp_path):
    """`wrap_model` leaves its weights alone, as for every other wrapper."""
    runner = toy_runner(tmp_path)
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.init_weights = lambda: pytest.fail("the weights are the caller's")
    wrapped = runner.wrap_model({"type": "MMFullyShardedDataParallel"}, net)
    assert isinstance(wrapped, MMFullyShardedDataParallel)
    after = wrapped.module.state_dict()
    assert all(torch.equal(after[name].full_tensor(), value) for name, value in before.items())


@pytest.mark.usefixtures("group_of_one")
def test_ddp_itself_does_not_shard():
    """Its checkpoints would be those of one process; the error says what to use."""
    with pytest.raises(ValueError, match=r"type='FSDPStrategy'"):
        DDPStrategy({"type": "MMFullyShardedDataParallel"}).wrap(Net())
