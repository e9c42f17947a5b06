"""Every kind of mistake is reported once, all of them together, and a sound configuration leaves nothing behind."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from toy_training import Error, toy_runner

from eng_config import Config
from eng_registry import MODELS, Registry
from eng_runner.plan.dry_run import rehearse

HERE = Path(__file__).parents[1]
TEXT = (HERE / "line_config.py").read_text()


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """The configuration of a line with some texts replaced by others; in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def change(*replacements):
        text = TEXT
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "config.py").write_text(text)
        config = Config.fromfile(tmp_path / "config.py")
        config["work_dir"] = str(tmp_path / "run")
        return config

    return change


def test_a_sound_configuration(changed, tmp_path):
    """No problem, some facts, no file, and the random state as before."""
    config = changed()
    before = torch.random.get_rng_state()
    findings = rehearse(config)
    assert [str(problem) for problem in findings.problems] == []
    assert findings.facts["model"] == "LineModel, 2 parameters"
    assert findings.facts["val"] == "10 samples, 3 batches; measured: line/error"
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [path.name for path in tmp_path.iterdir()] == ["config.py"]


NAMED = (
    ("val_dataloader = dict(", "one = dict("),
    ("val_cfg = dict()", "val_dataloader = dict(clean=one, noisy=one)\nval_cfg = dict(intervals=dict(noisy=2))"),
    ("val_evaluator = dict(", "error = dict("),
    ("test_dataloader = val_dataloader", "val_evaluator = dict(clean=error, noisy=[error])\ntest_dataloader = one"),
    ("test_evaluator = val_evaluator", "test_evaluator = error"),
    ('save_best="line/error"', 'save_best="noisy/line/error"'),
)  # fmt: skip


def test_several_named_sets_of_validation(changed):
    """Each loader and evaluator is tried, with its own path; the metrics have the names of a run."""
    findings = rehearse(changed(*NAMED))
    assert [str(problem) for problem in findings.problems] == []
    assert findings.facts["val noisy"] == "10 samples, 3 batches"
    assert findings.facts["val"] == "measured: clean/line/error, noisy/line/error"
    mistakes = (
        ("noisy=one", 'noisy=dict(**one, batch_sise=3)'),
        ("noisy=[error]", 'noisy=[dict(type="LineEror")]'),
        ("intervals", "intervalls"),
    )  # fmt: skip
    problems = [str(problem) for problem in rehearse(changed(*NAMED, *mistakes)).problems]
    assert [problem.split(": ")[1] for problem in problems] == [
        "val_dataloader.noisy.batch_sise", "val_cfg.intervalls", "val_evaluator.noisy.0.type",
    ]  # fmt: skip


def test_a_set_that_cannot_be_read(changed):
    """Its path has its name."""
    mistake = ("noisy=one", 'noisy=dict(one, dataset=dict(type="LinePoints", file="no.txt"))')
    (problem,) = [str(problem) for problem in rehearse(changed(*NAMED, mistake)).problems]
    assert "val_dataloader.noisy: building it: FileNotFoundError" in problem


def test_settings_of_the_surroundings(changed):
    """A job that SLURM starts again is no mistake."""
    config = changed(("randomness", "env_cfg = dict(slurm_requeue=True, cudnn_benchmark=True)\nrandomness"))
    assert rehearse(config).problems == []


HOOKS = 'custom_hooks = [dict(type="EarlyStoppingHook", monitor="line/eror", rule="less")]\nrandomness'
MISTAKES = {
    "an unknown key": (("randomness", "randomnes"), "randomnes", "did you mean `randomness`?"),
    "an argument that nothing takes": (("interval=4", "intervall=4"), "default_hooks.logger.intervall", "interval"),
    "an unknown name": (('type="LocalVis', 'type="LocalVys'), "visualizer.vis_backends.0.type", "LocalVisBackend"),
    "an incomplete group": (("val_cfg = dict()\n", ""), "val_dataloader", "`val_cfg` should be given too"),
    "a metric that nobody returns": (
        ('save_best="line/error"', 'save_best="line/eror"'),
        "default_hooks.checkpoint.save_best",
        "no evaluator returns `line/eror`; did you mean `line/error`?",
    ),
    "a metric that early stopping waits for": (
        ("randomness", HOOKS), "custom_hooks.0.monitor", "did you mean `line/error`?",
    ),
    "a schedule that outlives the run": (("end=3)", "end=30)"), "param_scheduler", "outlives the run: end=30"),
    "shapes that do not fit": (
        ('type="LineModel"', 'type="LineModel", width=2'),
        "model",
        "one training step: RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x1 and 2x1)",
    ),
    "a file that is not there": (
        ("count=32", 'file="no.txt"'), "train_dataloader", "No such file or directory: 'no.txt'",
    ),
    "no batch at all": (("count=32", "count=0"), "train_dataloader", "has no batch"),
    "a checkpoint that is not there": (
        ("randomness", 'load_from = "no.pth"\nrandomness'), "load_from", "there is no no.pth",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_report(mistake, changed, tmp_path):
    """At its path, with its file and line, saying what to do."""
    replacement, path, words = MISTAKES[mistake]
    (problem,) = rehearse(changed(replacement)).problems
    assert problem.path == path
    assert words in problem.what
    written = (tmp_path / "config.py").read_text().splitlines()
    assert problem.origin is not None
    assert Path(problem.origin.file) == tmp_path / "config.py"
    assert (
        path.partition(".")[0] in written[problem.origin.line - 1]
        or path.rpartition(".")[2] in (written[problem.origin.line - 1])
    )


def test_eight_mistakes_are_eight_reports(changed):
    """One does not hide another, and none is told twice."""
    config = changed(
        ("randomness", 'load_from = "no.pth"\nrandomnes'),
        ("interval=4", "intervall=4"),
        ('type="LocalVis', 'type="LocalVys'),
        ("lr=0.1", "lrr=0.1"),
        ("end=3)", "end=30)"),
        ("count=32", 'file="no.txt"'),
        ('type="LineError"', 'type="LineEror"'),
    )
    config["work_dir"] = "/proc/run"  # where nothing can be made
    problems = rehearse(config).problems
    assert sorted(problem.path.partition(".")[0] for problem in problems) == [
        "default_hooks", "load_from", "optim_wrapper", "param_scheduler", "randomnes", "train_dataloader",
        "val_evaluator", "visualizer",
    ]  # fmt: skip


def test_a_loss_that_is_not_finite(changed):
    """It is seen in the first step."""
    config = changed(("count=32", "count=32, file='many.txt'"))
    Path("many.txt").write_text("32")
    config["model"] = {"type": "LineModel", "start": float("nan")}
    (problem,) = rehearse(config).problems
    assert (problem.path, problem.what) == ("model", "the loss of the first step is nan")


def test_a_full_disk(changed, monkeypatch):
    """The checkpoints of the whole run are counted."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 30_000, 30_000))
    (problem,) = rehearse(changed()).problems
    assert problem.path == "work_dir"
    assert "up to 4 checkpoints of" in problem.what
    assert "max_keep_ckpts" in problem.what


def test_a_hook_that_fails(changed):
    """The line of the user's own code is named."""
    config = changed(("randomness", 'custom_hooks = [dict(type="Failing")]\nrandomness'))
    (problem,) = rehearse(config).problems
    assert problem.path == "custom_hooks"
    assert "ZeroDivisionError" in problem.what
    assert "line_parts.py:" in problem.what
    assert "in after_train_iter" in problem.what


def test_512_processes(changed):
    """On one machine: the step is tried, and that there are fewer samples than one step takes is seen."""
    (problem,) = rehearse(changed(), world_size=512).problems
    assert problem.path == "train_dataloader.batch_size"
    assert "512 processes take 2,048 samples at once, and the data set has 32" in problem.what
    assert rehearse(changed(("count=32", "count=4096")), world_size=512).problems == []
    assert not torch.distributed.is_initialized()


def test_a_runner_made_of_objects(tmp_path):
    """It checks copies: its own model and optimizer stay as they are, and it can train afterwards."""
    runner = toy_runner(tmp_path, val_evaluator=[Error()])
    weights = {name: value.clone() for name, value in runner.model.state_dict().items()}
    findings = runner.check()
    assert [str(problem) for problem in findings.problems] == []
    assert findings.facts["val"].endswith("measured: line/error, line/count")
    assert all(torch.equal(value, weights[name]) for name, value in runner.model.state_dict().items())
    runner.train()
    assert runner.iter == 24


def test_a_runner_whose_metric_is_missing(tmp_path):
    """The hook's own position is the path, as there is no file."""
    runner = toy_runner(tmp_path, custom_hooks=[{"type": "EarlyStoppingHook", "monitor": "acc"}])
    (problem,) = runner.check().problems
    assert problem.path.startswith("custom_hooks.")
    assert "no evaluator returns `acc`" in problem.what


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("max_epochs=3, val_interval='3 parsecs'", "train_cfg: building the training: IntervalError: interval"),
        ("max_epochs=3, max_time='soon'", "train_cfg: building the training: ValueError: `max_time` is a duration"),
        ("max_epochs=3, dynamic_intervals=[3]", "train_cfg.dynamic_intervals: `dynamic_intervals` of"),
        ("max_epochs=2.5", "train_cfg.max_epochs: `max_epochs` of EpochBasedTrainLoop is of type `int`, not 2.5"),
        ("max_epochs=0", "train_cfg.max_epochs: is 0: nothing would be trained; write 1 or more"),
    ],
)  # fmt: skip
def test_the_loop_is_tried_as_it_is_written(changed, option, told):
    """Not only the run in small, which has a calendar and an end of its own."""
    problems = [
        str(problem) for problem in rehearse(changed(("by_epoch=True, max_epochs=3", option))).problems
    ]
    assert any(told in problem for problem in problems), problems
    assert all("model" not in problem for problem in problems)


def test_a_scope_that_nobody_defines(changed):
    """Its names would quietly be looked for elsewhere; a scope with a registry of its own is none of that."""
    config = changed()
    config["default_scope"] = "mmdte"
    (problem,) = map(str, rehearse(config).problems)
    assert "default_scope: no registry has the scope `mmdte`" in problem
    Registry("model", parent=MODELS, scope="rehearsed")
    config["default_scope"] = "rehearsed"
    assert rehearse(config).problems == []
