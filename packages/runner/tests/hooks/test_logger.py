"""What the logger writes after kills, where it copies to, and which arguments it refuses."""

import json
from pathlib import Path

import pytest
from toy_training import toy_runner

from eng_runner import Hook, LoggerHook


class Killed(Exception):
    """Stands for a process that ends without a word."""


class KillAt(Hook):
    """Ends everything in an iteration, after the logger has written."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            raise Killed


def start(work_dir, *, kill_at=None, **options):
    hooks = [] if kill_at is None else [KillAt(kill_at)]
    runner = toy_runner(
        work_dir,
        default_hooks={"logger": {"interval": 1}, "checkpoint": {"interval": 5, "by_epoch": False}},
        custom_hooks=hooks,
        visualizer={"vis_backends": [{"type": "LocalVisBackend"}]},
        **options,
    )
    if kill_at is None:
        runner.train()
        return runner
    with pytest.raises(Killed):
        runner.train()
    return runner


def steps(work_dir):
    """The training steps of all starts, in the order of the starts."""
    files = sorted(Path(work_dir).glob("*/vis_data/scalars.json"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line["step"] for line in lines if "loss" in line]


def test_each_step_once_after_kills(tmp_path):
    """Killed between saves, before the first save after a resume, and twice at the same place."""
    start(tmp_path, kill_at=8)
    start(tmp_path, kill_at=9, resume=True)
    start(tmp_path, kill_at=13, resume=True)
    start(tmp_path, kill_at=13, resume=True)
    start(tmp_path, resume=True)
    assert steps(tmp_path) == list(range(1, 25))


class KillAfterValidation(Hook):
    """Ends everything once a validation is recorded."""

    priority = "LOWEST"

    def after_val_epoch(self, runner, metrics=None):
        if runner.epoch == 2:
            raise Killed


def test_a_validation_that_is_done_again_stands_once(tmp_path):
    """The checkpoint was saved before it, so the resumed run begins with it."""
    options = {
        "default_hooks": {"logger": {"interval": 1}, "checkpoint": {"interval": 1}},
        "visualizer": {"vis_backends": [{"type": "LocalVisBackend"}]},
    }
    with pytest.raises(Killed):
        toy_runner(tmp_path, custom_hooks=[KillAfterValidation()], **options).train()
    toy_runner(tmp_path, resume=True, **options).train()
    files = sorted(Path(tmp_path).glob("*/vis_data/scalars.json"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" not in line] == [8, 16, 24]


def test_another_run_in_the_folder_stays(tmp_path):
    """Its scalars are not ours to cut."""
    other = tmp_path / "99991231_000000" / "vis_data"
    other.mkdir(parents=True)
    (other / "scalars.json").write_text(
        '{"loss": 1.0, "iter": 3, "step": 3}\n{"loss": 1.0, "iter": 7, "step": 7}\n'
    )
    start(tmp_path, kill_at=8)
    start(tmp_path, resume=True)
    assert steps(tmp_path) == [*range(1, 25), 3, 7]


def test_the_last_stretch_of_an_epoch(tmp_path):
    """Eight iterations by three: 3 and 6, with `ignore_last=False` also 8."""

    def lines(name, **options):
        runner = toy_runner(
            tmp_path / name, val=False, log_level="INFO",
            default_hooks={"logger": {"interval": 3, **options}, "checkpoint": None},
        )  # fmt: skip
        runner.train()
        text = Path(runner.log_file).read_text()
        return [
            int(line.split("[1][")[1].split("/")[0]) for line in text.splitlines() if "(train) [1][" in line
        ]

    assert lines("a") == [3, 6]
    assert lines("b", ignore_last=False) == [3, 6, 8]


def test_logs_are_copied_out(tmp_path):
    """Below the name of the work folder; the local ones go only if asked."""
    logger = {"interval": 4, "out_dir": str(tmp_path / "out"), "out_suffix": ".log", "keep_local": False}
    hooks = {"logger": logger, "checkpoint": None}
    runner = toy_runner(tmp_path / "run", default_hooks=hooks, log_level="INFO")
    runner.train()
    copied = tmp_path / "out" / "run" / Path(runner.log_file).relative_to(tmp_path / "run")
    assert copied.is_file()
    assert not Path(runner.log_file).exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"interval": 0}, ValueError),
        ({"interval": "10"}, TypeError),
        ({"interval": True}, TypeError),
        ({"interval_exp_name": -1}, ValueError),
        ({"out_dir": 3}, TypeError),
        ({"keep_local": False}, ValueError),
    ],
)
def test_arguments_that_are_refused(options, error):
    """Each when the hook is made."""
    with pytest.raises(error):
        LoggerHook(**options)


class ReadsWhileSaved(Hook):
    """Looks at the scalars at the moment in which a checkpoint begins to count."""

    def __init__(self):
        self.seen = []

    def after_save_checkpoint(self, runner, path):
        self.seen.append((runner.clock.iter, steps(runner.work_dir)))


def test_a_checkpoint_has_all_scalars_before_it(tmp_path):
    """A kill just after a save leaves no gap, since the next start goes on behind it."""
    reads = ReadsWhileSaved()
    toy_runner(
        tmp_path,
        default_hooks={"logger": {"interval": 1}, "checkpoint": {"interval": 5, "by_epoch": False}},
        custom_hooks=[reads],
        visualizer={"vis_backends": [{"type": "LocalVisBackend"}]},
    ).train()
    assert [iteration for iteration, _ in reads.seen] == [5, 10, 15, 20, 24]
    assert all(written == list(range(1, iteration + 1)) for iteration, written in reads.seen)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("5 steps", [5, 10, 15, 20]), ("2 epochs", [16]), ("60 samples", [15]), ("1 hour", [])],
)
def test_an_interval_in_words(tmp_path, interval, expected):
    """It is counted over the whole run: 3 epochs of 8 iterations with 4 samples each; a resumed run counts on."""
    hooks = {"logger": {"interval": interval}, "checkpoint": {"interval": 5, "by_epoch": False}}
    visualizer = {"vis_backends": [{"type": "LocalVisBackend"}]}
    runner = toy_runner(tmp_path, default_hooks=hooks, visualizer=visualizer, custom_hooks=[KillAt(12)])
    with pytest.raises(Killed):
        runner.train()
    toy_runner(tmp_path, default_hooks=hooks, visualizer=visualizer, resume=True).train()
    assert steps(tmp_path) == expected
