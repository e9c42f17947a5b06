"""How a checkpoint comes into a run: mapped, verified by one process, and wherever `map_location` points."""

import gc
import os
import shutil

import pytest
import torch
from toy_training import Line, loader, toy_runner

from eng_checkpoint import CheckpointError, entries
from eng_dist import get_rank
from eng_runner.state.restore import read

WIDE = 1 << 18
"""Numbers in a weight of the wide model: a megabyte."""


class Wide(Line):
    """A line with a weight that can be found in the memory of a process."""

    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Parameter(torch.ones(WIDE))

    def forward(self, x, y, mode):
        return super().forward(x * self.wide.mean(), y, mode)


def saved(tmp_path, **options):
    """A folder with a checkpoint after 4 of 8 iterations, with the state of AdamW, and its path."""
    runner = run(tmp_path, iters=4, **options)
    runner.train()
    return str(tmp_path / entries(tmp_path)[-1].name)


def run(tmp_path, *, iters=8, **options):
    torch.manual_seed(0)
    return toy_runner(
        tmp_path, model=Wide(), val=False, train_dataloader=loader(8),
        train_cfg={"by_epoch": False, "max_iters": iters},
        optim_wrapper={"optimizer": {"type": "AdamW", "lr": 0.1}, "accumulative_counts": 3},
        default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 4, "by_epoch": False}}, **options,
    )  # fmt: skip


def maps(path):
    """Whether this process has mapped the file."""
    gc.collect()
    with open("/proc/self/maps") as file:
        return any(os.path.basename(path) in line for line in file)


def final(runner):
    runner.train()
    return {name: value.clone() for name, value in runner.bare_model.state_dict().items()}


def test_a_file_is_mapped_until_it_is_restored_and_no_longer(tmp_path):
    """What a run keeps of it is in memory of its own: a mapping would keep the file after it is deleted."""
    path = saved(tmp_path)
    runner = run(tmp_path, resume=True)
    runner.prepare()
    assert maps(path)
    runner.load_or_resume()
    assert not maps(path)
    os.unlink(path)
    runner.train()
    assert runner.clock.iter == 8


@pytest.mark.parametrize(
    "where", ["meta", torch.device("meta"), {"cpu": "meta"}, lambda storage, _: storage, None]
)
def test_map_location_does_not_matter(tmp_path, where):
    """Tensors go where their counterparts are, random states and counters stay on the host; `meta` stands for a GPU.

    `runner.resume` continues exactly as `resume=True` does: with the learning rates of the checkpoint, for one.
    """
    path = saved(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    expected, runner = final(run(tmp_path / "a", resume=True)), run(tmp_path / "b")
    runner.resume(path, map_location=where)
    resumed = final(runner)
    assert all(torch.equal(expected[name], value) for name, value in resumed.items())
    assert all(
        each.device.type == "cpu"
        for state in runner.optim_wrapper.optimizer.state.values()
        for each in state.values()
    )


def bytes_read():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


def test_one_process_verifies_for_all(tmp_path, ranks):
    """The others read what they use; a digest over every byte once more would be as many reads as processes."""
    path = saved(tmp_path)
    size = os.path.getsize(path)

    def body():
        runner = run(tmp_path, launcher="pytorch")
        before = bytes_read()
        read(runner, path)
        return bytes_read() - before

    first, second = ranks(2, body)
    assert first > size
    assert second < size / 2


def test_damage_is_an_error_of_every_process(tmp_path, ranks):
    """The one that has seen it says what it is, the others who."""
    path = saved(tmp_path)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(b"damage")

    def body():
        runner = run(tmp_path, launcher="pytorch")
        with pytest.raises(CheckpointError, match=r"iter_4\.pth") as caught:
            read(runner, path)
        return type(caught.value).__name__, "rank 0" in str(caught.value), get_rank()

    assert ranks(2, body) == [("CorruptCheckpointError", False, 0), ("CheckpointError", True, 1)]
