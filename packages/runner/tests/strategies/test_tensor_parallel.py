"""Processes that split a layer compute the same: they draw the same random numbers, whoever seeds them."""

import random

import pytest
import torch
from torch import nn
from torch.distributed.tensor import DTensor, Replicate
from torch.nn import functional as F
from toy_training import Net, toy_runner

from eng_dist import get_rank
from eng_runner import Hook, Interrupted, TensorParallelStrategy

TENSOR = {"type": "TensorParallelStrategy", "plan": {"up": "colwise", "down": "rowwise"}}
OWN_SEEDS = {"seed": 3, "diff_rank_seed": True}


class Deep(Net):
    """One with layers that every process has whole, and dropout behind them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 4)
        self.norm = nn.BatchNorm1d(4)
        self.up = nn.Linear(4, 8)
        self.dropout.p = 0.5

    def forward(self, x, y, mode):
        hidden = self.dropout(self.norm(self.first(x)).relu())
        predicted = self.down(self.up(hidden).tanh())
        return {"loss": F.mse_loss(predicted, y)} if mode == "loss" else list(zip(predicted, y, strict=True))


class StopAfter(Hook):
    """Saves after an iteration and goes no further."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.save_checkpoint(runner.work_dir, f"iter_{self.iteration}.pth")
            raise Interrupted(0)


def replicas(model):
    """What this process has of the tensors that are meant to be the same in every process."""
    return {
        name: value.to_local().tolist()
        for name, value in model.state_dict().items()
        if isinstance(value, DTensor) and all(isinstance(each, Replicate) for each in value.placements)
    }


def train(work_dir, strategy=TENSOR, *, stop=5, **options):
    runner = toy_runner(
        work_dir, model=Deep(), strategy=strategy, randomness=OWN_SEEDS, val=False, launcher="pytorch",
        custom_hooks=[StopAfter(stop)], **options,
    )  # fmt: skip
    runner.train()
    return runner.bare_model


def test_replicas_stay_replicas_with_a_seed_for_each_rank(tmp_path, ranks):
    """Seeds differ by the samples that a process reads, which are the same within a split; so are masks and weights."""
    first, second = ranks(2, lambda: replicas(train(tmp_path)))
    assert {"first.weight", "norm.weight", "norm.running_mean", "down.bias"} <= {*first}
    assert first == second


def test_they_stay_so_after_a_resume(tmp_path, ranks):
    """Also where the seed is that of the checkpoint, and where it was saved by another layout of processes."""
    ranks(2, lambda: train(tmp_path, {"type": "FSDPStrategy"}) and None)

    def body():
        runner = toy_runner(
            tmp_path, model=Deep(), strategy=TENSOR, randomness=OWN_SEEDS | {"seed": 4}, val=False,
            launcher="pytorch", custom_hooks=[StopAfter(9)], resume=True,
        )  # fmt: skip
        runner.train()
        return runner.seed, replicas(runner.bare_model)

    first, second = ranks(2, body)
    assert first == second
    assert first[0] == 3


def draws():
    return torch.rand(3).tolist(), random.random()


def test_another_number_of_processes_is_seeded_by_place_too(tmp_path, ranks):
    """Data parallel processes draw different numbers again, not all the same ones."""
    ranks(1, lambda: train(tmp_path, None) and None)

    def body():
        runner = toy_runner(
            tmp_path,
            model=Deep(),
            randomness=OWN_SEEDS | {"seed": 4},
            val=False,
            launcher="pytorch",
            resume=True,
        )
        runner.prepare()
        runner.load_or_resume()
        return draws()

    first, second = ranks(2, body)
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.slow
def test_each_split_has_a_seed_of_its_own(tmp_path, ranks):
    """Four processes, two splits of two: the same numbers inside of a split, others in the other one."""

    def body():
        runner = toy_runner(
            tmp_path, model=Deep(), strategy=TENSOR | {"size": 2}, randomness=OWN_SEEDS, val=False,
            launcher="pytorch",
        )  # fmt: skip
        weights = {name: value.full_tensor().tolist() for name, value in runner.bare_model.named_parameters()}
        return weights, draws()

    results = ranks(4, body)
    assert [weights for weights, _ in results] == [results[0][0]] * 4
    drawn = [numbers for _, numbers in results]
    assert drawn[0] == drawn[1]
    assert drawn[2] == drawn[3]
    assert drawn[0] != drawn[2]


def test_a_model_without_memory_is_refused(ranks):
    """With what to do instead."""

    def body():
        with torch.device("meta"):
            net = Net()
        with pytest.raises(ValueError, match=r"`up\.weight`.* meta device.*FSDPStrategy"):
            TensorParallelStrategy(TENSOR["plan"]).wrap(net)
        return get_rank()

    assert ranks(2, body) == [0, 1]
