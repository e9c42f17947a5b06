"""Log lines, character for character, from real trainings of 12 epochs or 24 iterations."""

import json
import re

import pytest
import torch
from torch.utils.data import TensorDataset

from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_runner import LogProcessor, Runner

TIME = r"\d+\.\d{4}"
ETA = r"\d+:\d\d:\d\d"


class Constant(BaseModel):
    """Always the same loss."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, mode):
        if mode == "loss":
            return {"loss_a": 1.23456 + 0 * self.weight.sum(), "acc": torch.tensor(0.5)}
        return [x[i] for i in range(len(x))]


class Fixed(BaseMetric):
    """A number and a vector."""

    default_prefix = "p"

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {"accuracy": 0.12345, "per_class": torch.tensor([0.25, 0.75])}


def loader(shuffle):
    return {
        "dataset": TensorDataset(torch.zeros(12, 1)),
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
        "collate_fn": {"type": "default_collate"},
    }


def run(work_dir, *, test=False, **options):
    """A runner after its training (or test), and its log lines without time, name and level."""
    evaluation = {"dataloader": loader(False), "cfg": {}, "evaluator": [Fixed()]}
    runner = Runner(
        **{
            "model": Constant(),
            "work_dir": str(work_dir),
            "train_dataloader": loader(True),
            "train_cfg": {"by_epoch": True, "max_epochs": 12},
            "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.001}},
            "param_scheduler": {"type": "LinearLR", "start_factor": 0.1, "end": 5},
            **{f"val_{name}": part for name, part in evaluation.items()},
            **{f"test_{name}": part for name, part in evaluation.items()},
            "default_hooks": {"logger": {"interval": 5}, "checkpoint": None},
            "visualizer": {"vis_backends": [{"type": "LocalVisBackend"}]},
            "randomness": {"seed": 0},
            **options,
        }
    )
    runner.test() if test else runner.train()
    with open(runner.log_file) as file:
        lines = [line.rstrip("\n").partition(" - INFO - ")[2] for line in file]
    return runner, lines


@pytest.fixture(scope="module")
def by_epoch(tmp_path_factory):
    """Twelve epochs of twelve iterations."""
    return run(tmp_path_factory.mktemp("epochs"))


@pytest.fixture(scope="module")
def by_iter(tmp_path_factory):
    """Twenty-four iterations, validated after twelve and at the end."""
    return run(
        tmp_path_factory.mktemp("iters"),
        train_cfg={"by_epoch": False, "max_iters": 24, "val_interval": 12},
        param_scheduler={"type": "LinearLR", "start_factor": 0.1, "end": 5, "by_epoch": False},
        log_processor={"by_epoch": False},
    )


def of(lines, start):
    return [line for line in lines if line.startswith(start)]


def test_training_lines_by_epoch(by_epoch):
    """Rate, times, losses in the order of the loss dict; the epoch is as wide as the last one."""
    lines = of(by_epoch[1], "Epoch(train)")
    first = re.escape("Epoch(train)  [1][ 5/12]  lr: 1.0000e-04  eta: ") + ETA
    first += rf"  time: {TIME}  data_time: {TIME}  loss: 1\.2346  loss_a: 1\.2346  acc: 0\.5000"
    assert re.fullmatch(first, lines[0]), lines[0]
    assert lines[1].startswith("Epoch(train)  [1][10/12]  lr: 1.0000e-04  eta: ")
    assert lines[-2].startswith("Epoch(train) [12][ 5/12]  lr: 1.0000e-03  eta: ")
    assert len(lines) == 24  # none for iteration 12


def test_validation_lines_by_epoch(by_epoch):
    """In the middle with the width of the epochs, at the end without; metrics first, then times."""
    lines = of(by_epoch[1], "Epoch(val)")
    middle = re.escape("Epoch(val)  [6][ 5/12]    eta: ") + ETA + rf"  time: {TIME}  data_time: {TIME}  "
    assert any(re.fullmatch(middle, line) for line in lines)
    (end,) = of(lines, "Epoch(val) [6][12/12]")
    assert end == "Epoch(val) [6][12/12]    p/accuracy: 0.1235  p/per_class: "
    at = by_epoch[1].index(end)  # a tensor stands on lines of its own, which have no prefix
    assert by_epoch[1][at + 1] == ""


def test_test_lines(tmp_path):
    """Without an epoch; in the file of results the vector is a list."""
    runner, lines = run(tmp_path, test=True, log_processor={"num_digits": 4})
    middle = re.escape("Epoch(test) [ 5/12]    eta: ") + ETA + rf"  time: {TIME}  data_time: {TIME}  "
    assert re.fullmatch(middle, of(lines, "Epoch(test) [ 5")[0])
    assert of(lines, "Epoch(test) [12/12]    p/accuracy: 0.1235  p/per_class: ")
    with open(f"{runner.log_dir}/{runner.timestamp}.json") as file:
        assert json.load(file)["p/per_class"] == [0.25, 0.75]


def test_lines_by_iteration(by_iter):
    """The position is that of the whole training."""
    lines = by_iter[1]
    assert of(lines, "Iter(train) [ 5/24]  lr: ")
    assert of(lines, "Iter(train) [20/24]  lr: 1.0000e-03  eta: ")
    assert of(lines, "Iter(val) [ 5/12]    eta: ")
    assert len(of(lines, "Iter(val) [12/12]    p/accuracy: 0.1235")) == 2


def test_the_name_of_the_experiment(by_epoch, by_iter):
    """At the end of each epoch; in a training by iterations once, where the first pass over the data ends."""
    runner, lines = by_epoch
    assert of(lines, "Exp name: ") == [f"Exp name: {runner.experiment_name}"] * 12
    assert len(of(by_iter[1], "Exp name: ")) == 1


def scalars(runner):
    with open(f"{runner.log_dir}/vis_data/scalars.json") as file:
        return [json.loads(line) for line in file]


def test_what_trackers_get(by_epoch, by_iter):
    """In the documented order; the step is the iteration, of metrics too."""
    lines = scalars(by_epoch[0])
    assert list(lines[0]) == ["lr", "data_time", "loss", "loss_a", "acc", "time", "epoch", "iter", "step"]
    metrics = [line for line in lines if "p/accuracy" in line]
    assert [line["step"] for line in metrics] == list(range(12, 145, 12))
    assert set(metrics[0]) == {"p/accuracy", "data_time", "time", "step"}
    assert [line["step"] for line in lines if "loss" in line] == sorted(
        12 * epoch + done for epoch in range(12) for done in (5, 10)
    )
    assert [line["step"] for line in scalars(by_iter[0]) if "p/accuracy" in line] == [12, 24]


STATISTICS = {
    "largest ever": ({"method_name": "max", "window_size": "global"}, 1.2346),
    "of the epoch": ({"method_name": "mean", "window_size": "epoch"}, 1.2346),
    "of the last two": ({"method_name": "min", "window_size": 2}, 1.2346),
    "as it is": ({}, 1.2346),
}


@pytest.mark.parametrize("which", STATISTICS)
def test_custom_statistics(which, tmp_path):
    """They stand beside the others under their own name."""
    options, value = STATISTICS[which]
    entry = {"data_src": "loss", "log_name": "loss_own", **options}
    _, lines = run(
        tmp_path, train_cfg={"max_epochs": 1}, param_scheduler=None, log_processor={"custom_cfg": [entry]}
    )
    assert f"loss_own: {value}" in of(lines, "Epoch(train)")[0]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"custom_cfg": [{}]}, AssertionError, "needs `data_src`; this one has nothing"),
        (
            {"custom_cfg": [{"data_src": "a"}, {"data_src": "b", "log_name": "a"}]},
            AssertionError,
            "more than once",
        ),
        (
            {"by_epoch": False, "custom_cfg": [{"data_src": "a", "window_size": "epoch"}]},
            AssertionError,
            "no meaning with by_epoch=False",
        ),
    ],
)
def test_what_cannot_be_meant(options, error, words):
    """Each is said when the processor is made."""
    with pytest.raises(error, match=words) as raised:
        LogProcessor(**options)
    assert isinstance(raised.value, ValueError)


def test_a_window_of_another_kind(by_epoch):
    """It shows when the window is needed."""
    processor = LogProcessor(custom_cfg=[{"data_src": "loss", "method_name": "mean", "window_size": "week"}])
    with pytest.raises(TypeError, match="'epoch' or 'global', not 'week'"):
        processor.get_log_after_iter(by_epoch[0], 4, "train")


def test_only_validation_and_test_are_summed_up(by_epoch):
    """An epoch of training has no line of its own."""
    with pytest.raises(AssertionError, match="not 'train'"):
        LogProcessor().get_log_after_epoch(by_epoch[0], 4, "train")


def test_hierarchy_changes_what_trackers_get_only(by_epoch):
    """Names for trackers say the mode, the line does not."""
    tag, line = LogProcessor(log_with_hierarchy=True).get_log_after_iter(by_epoch[0], 4, "train")
    assert "train/loss" in tag
    assert "train/loss" not in line
    tag, _ = LogProcessor(log_with_hierarchy=True).get_log_after_epoch(by_epoch[0], 11, "val")
    assert "val/p/accuracy" in tag
