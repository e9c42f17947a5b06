"""Buffers that differ between processes are saved, in every kind of checkpoint, and come back to their owners."""

import pytest
import torch
from device_waits import DeviceWaits
from torch import nn
from toy_training import Line, toy_runner

from eng_checkpoint import entries, load_file
from eng_dist import get_rank
from eng_runner import Hook, Interrupted
from eng_runner.state.rank_local_buffers import add_own_buffers, take_own_buffers
from eng_runner.testing import Record, Recorder, differences


class Normed(Line):
    """A line whose points are normalised by the statistics of each process."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x, y, mode):
        return super().forward(self.norm(x), y, mode)


class BreakAfter(Hook):
    """Saves after an iteration and goes no further."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.save_checkpoint(runner.work_dir, f"iter_{self.iteration}.pth")
            raise Interrupted(0)


@pytest.mark.parametrize("kind", ["DDPStrategy", "FSDPStrategy"])
def test_a_run_with_statistics_of_each_process_resumes_exactly(tmp_path, ranks, kind):
    """Saved as one file or in parts; validations depend on the statistics."""

    def train(folder, *hooks, resume=False):
        torch.manual_seed(0)
        runner = toy_runner(
            tmp_path / folder, model=Normed(), strategy={"type": kind}, launcher="pytorch", resume=resume,
            custom_hooks=[{"type": "EMAHook", "update_buffers": True}, *hooks],
        )  # fmt: skip
        runner.train()
        return runner

    def body():
        whole, resumed = Record(), Record()
        runner = train("whole", Recorder(whole))
        train("part", BreakAfter(3))
        again = train("part", Recorder(resumed), resume=True)
        for record in (whole, resumed):
            record.final = {"clock": record.final["clock"]}
        own = [each.bare_model.norm.running_mean.tolist() for each in (runner, again)]
        return differences(whole, resumed), own

    first, second = ranks(2, body)
    assert first[0] == second[0] == []
    assert first[1][0] == first[1][1]
    assert second[1][0] == second[1][1]
    assert first[1] != second[1]
    (name,) = [entry.name for entry in entries(tmp_path / "part") if entry.iter == 3]
    held = load_file(tmp_path / "part" / name)["own_buffers"]
    assert (held["shares"], [*held["by_share"]]) == (2, ["1"])


def test_what_is_equal_everywhere_is_not_kept_twice(ranks):
    """Neither where all are equal, nor of a share whose first process has it already."""

    def body():
        same, other = torch.ones(2), torch.full((2,), float(get_rank()))
        equal, differing = {"state_dict": {"a": same}}, {"state_dict": {"a": same, "b": other}}
        add_own_buffers(equal, ["a"], (get_rank(), 2))
        add_own_buffers(differing, ["a", "b"], (get_rank(), 2))
        return (
            "own_buffers" in equal,
            differing["own_buffers"]["by_share"]["1"]["state_dict"]["b"].tolist(),
            [*differing["own_buffers"]["by_share"]["1"]["state_dict"]],
        )

    assert ranks(2, body) == [(False, [1.0, 1.0], ["b"])] * 2


def test_another_division_of_the_samples_takes_those_of_the_first():
    """They are of no process that there is now."""
    held = {"shares": 2, "by_share": {"1": {"state_dict": {"a": torch.ones(1)}}}}
    for place, expected in (((1, 2), 1.0), ((0, 2), 0.0), ((1, 3), 0.0), ((0, 1), 0.0)):
        checkpoint = {"state_dict": {"a": torch.zeros(1)}, "own_buffers": held}
        take_own_buffers(checkpoint, place)
        assert checkpoint["state_dict"]["a"].item() == expected


def test_the_device_is_waited_for_once_for_each_type_of_number():
    """Not for each buffer: a network has hundreds."""
    norms = nn.Sequential(*(nn.BatchNorm1d(2) for _ in range(10))).to("meta")
    checkpoint = {"state_dict": norms.state_dict(), "ema_state_dict": norms.state_dict(prefix="module.")}
    with DeviceWaits() as seen:
        add_own_buffers(checkpoint, [name for name, _ in norms.named_buffers()], (0, 2))
    assert seen.waits == ["_to_copy", "_to_copy"]
