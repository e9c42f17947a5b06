"""Models whose parameters are spread over two real processes: they train, save in parts, resume under any number."""

import shutil

import pytest
import torch
from torch.distributed.tensor import DTensor
from toy_training import Net, toy_runner

from eng_checkpoint import entries, load_file
from eng_dist import barrier, get_rank
from eng_runner import FSDPStrategy, Hook, Interrupted, TensorParallelStrategy
from eng_runner.strategies.tensor_parallel import parallel_style
from eng_runner.testing import Record, Recorder, differences

pytestmark = pytest.mark.filterwarnings("ignore:.*non-leaf Tensor.*:UserWarning")

FSDP = {"type": "FSDPStrategy"}
TENSOR = {"type": "TensorParallelStrategy", "plan": {"up": "colwise", "down": "rowwise"}}


def whole(model):
    """The weights, put together on every rank."""
    return {
        name: value.full_tensor() if isinstance(value, DTensor) else value.clone()
        for name, value in model.state_dict().items()
    }


def train(work_dir, strategy, *, resume=False, hooks=(), model=Net, **options):
    """12 iterations of two processes (24 of one); the weights at the end."""
    torch.manual_seed(0)
    runner = toy_runner(
        work_dir,
        model=model(),
        strategy=strategy,
        resume=resume,
        optim_wrapper={
            "optimizer": {"type": "AdamW", "lr": 0.05},
            "accumulative_counts": 3,
            "clip_grad": {"max_norm": 1.0},
        },
        custom_hooks=[{"type": "EMAHook"}, *hooks],
        **options,
    )
    runner.train()
    return whole(runner.bare_model)


class Even(Net):
    """Without dropout, whose draws depend on how many processes there are."""

    def __init__(self):
        super().__init__()
        self.dropout.p = 0.0


def copied_once(source, target):
    """By the first rank, when all have saved, and before any goes on."""
    barrier()
    if get_rank() == 0:
        shutil.copytree(source, target)
    barrier()


class BreakAfter(Hook):
    """Saves after an iteration and goes no further; a stop by agreement would come some iterations later."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.save_checkpoint(runner.work_dir, f"iter_{self.iteration}.pth")
            raise Interrupted(0)


@pytest.mark.slow
def test_a_sharded_run_resumes_exactly_in_the_middle_of_an_accumulation(tmp_path, ranks):
    """With clipping, an average, and gradients that wait for the rest of their window; each rank has its own part."""

    def body():
        expected, resumed = Record(), Record()
        train(tmp_path / "whole", FSDP, hooks=[Recorder(expected)])
        train(tmp_path / "part", FSDP, hooks=[BreakAfter(5)])
        train(tmp_path / "part", FSDP, hooks=[Recorder(resumed)], resume=True)
        for record in (expected, resumed):
            record.final = {"clock": record.final["clock"]}  # DTensors are compared as weights below
        left = load_file(tmp_path / "whole" / "epoch_3.pth")
        right = load_file(tmp_path / "part" / "epoch_3.pth")
        same = [
            torch.equal(left[section][name], right[section][name])
            for section in ("state_dict", "ema_state_dict")
            for name in left[section]
        ]
        return resumed.began_after, differences(expected, resumed), all(same) and len(same)

    assert ranks(2, body) == [(5, [], 9)] * 2


@pytest.mark.slow
def test_two_ranks_save_and_one_goes_on(tmp_path, ranks):
    """Sharded over one process, and without any sharding, the rest of the run is the same to the last bit."""
    ranks(2, lambda: train(tmp_path / "a", FSDP, hooks=[BreakAfter(5)]) and None)
    entry = entries(tmp_path / "a")[-1]
    folder = tmp_path / "a" / entry.name
    assert sorted(path.name for path in folder.iterdir()) == [".metadata", "__0_0.distcp", "__1_0.distcp"]
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    sharded = ranks(
        1, lambda: [value.tolist() for value in train(tmp_path / "a", FSDP, resume=True).values()]
    )
    plain = train(tmp_path / "b", None, resume=True)
    assert [value.tolist() for value in plain.values()] == sharded[0]
    assert load_file(tmp_path / "b" / "epoch_3.pth")["clock"]["samples"] == 96


class Seen(Hook):
    """The samples of the second epoch that this process has trained on."""

    priority = "HIGHEST"

    def __init__(self):
        self.ids = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == 1:
            self.ids += runner.train_loop.dataloader.indices


@pytest.mark.parametrize(("before", "after", "stop"), [(2, 1, 6), (1, 2, 11)])
def test_another_number_of_processes_finishes_the_epoch(tmp_path, ranks, before, after, stop):
    """Broken off in the second epoch, each of its 32 samples is seen exactly once over both runs."""

    def body(*, resume):
        seen = Seen()
        train(tmp_path, None, resume=resume, hooks=[seen] if resume else [seen, BreakAfter(stop)])
        return seen.ids

    ids = [number for part in ranks(before, lambda: body(resume=False)) for number in part]
    assert 0 < len(ids) < 32
    ids += [number for part in ranks(after, lambda: body(resume=True)) for number in part]
    assert sorted(ids) == list(range(32))


@pytest.mark.slow
def test_one_file_for_all(tmp_path, ranks):
    """state_dict_cfg='full' writes what a single process can read, and a sharded run can go on from."""
    strategy = {**FSDP, "state_dict_cfg": "full"}

    def body():
        first = train(tmp_path, strategy, hooks=[BreakAfter(4)])
        return {name: value.tolist() for name, value in first.items()}

    (weights, _) = ranks(2, body)
    (entry,) = entries(tmp_path)
    state = load_file(tmp_path / entry.name)
    trained = {
        name.removeprefix("module."): v for name, v in state["ema_state_dict"].items() if name != "steps"
    }
    assert {name: value.tolist() for name, value in trained.items()} == weights
    resumed = ranks(2, lambda: len(train(tmp_path, strategy, resume=True)))
    assert resumed == [4, 4]


def test_split_layers_compute_what_whole_ones_do(tmp_path, ranks):
    """Both processes see the same samples; the weights are those of one process up to rounding, and load there."""
    alone = train(tmp_path / "alone", None)

    def body():
        weights = train(tmp_path / "split", TENSOR)
        return {name: value.tolist() for name, value in weights.items()}

    split = ranks(2, body)
    assert split[0] == split[1]
    for name, value in alone.items():
        torch.testing.assert_close(torch.tensor(split[0][name]), value, rtol=1e-4, atol=1e-5)
    state = load_file(tmp_path / "split" / "epoch_3.pth")
    assert state["ema_state_dict"]["module.up.weight"].tolist() == split[0]["up.weight"]
    assert state["clock"]["samples"] == 96


def test_without_a_group_it_says_how_to_start(tmp_path):
    """The error names torchrun."""
    for strategy in (FSDP, TENSOR):
        with pytest.raises(RuntimeError, match="torchrun"):
            toy_runner(tmp_path, model=Net(), strategy=strategy)


@pytest.mark.parametrize(("value", "error"), [("local ", ValueError), (1, TypeError)])
def test_how_to_save(value, error):
    """'local' and 'full' are all there is."""
    with pytest.raises(error, match="'local' or 'full'"):
        FSDPStrategy(state_dict_cfg=value)


def test_plans():
    """Names, mappings and torch's own objects; mistakes name the module."""
    style = parallel_style("up", {"type": "colwise", "output_layouts": "shard(-1)"})
    assert style.output_layouts[0].dim == -1
    assert parallel_style("up", style) is style
    with pytest.raises(ValueError, match=r"'up' is 'colwize'.*colwise"):
        TensorParallelStrategy(plan={"up": "colwize"})
    with pytest.raises(TypeError, match="plan for 'up'"):
        TensorParallelStrategy(plan={"up": 3})
    with pytest.raises(ValueError, match=r"'replicate' or 'shard\(0\)'"):
        TensorParallelStrategy(plan={"up": {"type": "rowwise", "input_layouts": "left"}})


def test_a_plan_that_fits_nothing_is_refused(tmp_path, ranks):
    """With the nearest name of a module."""
    strategy = {"type": "TensorParallelStrategy", "plan": {"upp": "colwise"}}

    def body():
        with pytest.raises(ValueError, match=r"'upp', which fits no module.*`up`"):
            toy_runner(tmp_path, model=Net(), strategy=strategy)
        return "refused"

    assert ranks(2, body) == ["refused"] * 2


@pytest.mark.slow
def test_split_layers_are_sharded_over_the_other_processes(tmp_path, ranks):
    """Four processes: two splits of two. They train as two whole models do, and resume exactly and under two."""
    split = {**TENSOR, "size": 2}

    def lists(weights):
        return {name: value.tolist() for name, value in weights.items()}

    def body():
        expected = train(tmp_path / "whole", split, model=Even)
        train(tmp_path / "part", split, hooks=[BreakAfter(5)], model=Even)
        copied_once(tmp_path / "part", tmp_path / "two")
        return lists(expected), lists(train(tmp_path / "part", split, resume=True, model=Even))

    results = ranks(4, body)
    expected = results[0][0]
    assert results == [(expected, expected)] * 4
    for weights in (
        *ranks(2, lambda: lists(train(tmp_path / "ddp", None, model=Even))),
        *ranks(2, lambda: lists(train(tmp_path / "two", TENSOR | {"size": 1}, resume=True, model=Even))),
    ):
        for name, value in weights.items():
            torch.testing.assert_close(
                torch.tensor(value), torch.tensor(expected[name]), rtol=1e-4, atol=1e-5
            )
