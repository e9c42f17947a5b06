"""What has changed since a checkpoint was saved, and what that does."""

import subprocess

import pytest
from toy_training import loader, points, toy_runner

from eng_runner.plan.keys import Effect, effect_of
from eng_runner.plan.resume_report import (
    ResumeReport,
    code_revision,
    compare,
    dataset_fingerprint,
    flat_arguments,
)


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("train_dataloader.num_workers", Effect.SAME_RESULT),
        ("work_dir", Effect.SAME_RESULT),
        ("default_hooks.logger.interval", Effect.SAME_RESULT),
        ("test_evaluator.type", Effect.SAME_RESULT),
        ("train_cfg.max_epochs", Effect.COMPATIBLE),
        ("val_evaluator.type", Effect.COMPATIBLE),
        ("strategy.type", Effect.COMPATIBLE),
        ("optim_wrapper.optimizer.lr", Effect.CHANGES_RESULT),
        ("model.channels", Effect.CHANGES_RESULT),
        ("train_dataloader.batch_size", Effect.CHANGES_RESULT),
        ("randomness.seed", Effect.CHANGES_RESULT),
    ],
)
def test_keys_of_a_configuration(key, effect):
    """Where results go and how data is read changes no number; how long and on what, some; what is learnt, all."""
    assert effect_of(key) is effect


def test_nothing_changed(tmp_path):
    """A run that is resumed as it was says so."""
    toy_runner(tmp_path, val=False).train()
    runner = toy_runner(tmp_path, val=False, resume=True)
    assert runner.resume_report is None
    runner.train()
    assert runner.resume_report == ResumeReport(path=str(tmp_path / "epoch_3.pth"))
    assert str(runner.resume_report).endswith("same result")


def test_what_changed_is_told_the_worst_first(tmp_path, capsys):
    """Another data set, batch size and configuration; harmless ones too."""
    common = {"val": False, "log_level": "INFO"}
    toy_runner(tmp_path, cfg={"tta_pipeline": "a", "mine": 1}, **common).train()
    other = {
        "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.2, "momentum": 0.9}},
        "channels_last": True,
    }
    cfg = {"tta_pipeline": "b", "mine": 2}
    runner = toy_runner(
        tmp_path, cfg=cfg, resume=True, train_dataloader=loader(40, batch_size=5), **other, **common
    )
    capsys.readouterr()
    runner.train()
    report = runner.resume_report
    assert report.effect is Effect.CHANGES_RESULT
    assert {change.what: change.effect for change in report.changes} == {
        "dataset": Effect.CHANGES_RESULT,
        "batch_size": Effect.CHANGES_RESULT,
        "train_dataloader.batch_size": Effect.CHANGES_RESULT,
        "optim_wrapper.optimizer.lr": Effect.CHANGES_RESULT,
        "channels_last": Effect.COMPATIBLE,
        "tta_pipeline": Effect.SAME_RESULT,
    }
    said = capsys.readouterr().out
    assert "changes result: optim_wrapper.optimizer.lr was 0.1, is 0.2" in said
    assert said.index("changes result: batch_size was 4, is 5") < said.index(
        "same result: tta_pipeline was 'a', is 'b'"
    )


def test_versions_and_world_size_are_compatible():
    """The state fits, the last bits may not."""
    before = {"versions.torch": "2.12", "world_size": 2, "device": "cuda"}
    changes = compare(before, {"versions.torch": "2.13", "world_size": 1, "device": "cpu", "new fact": 1})
    assert [change.effect for change in changes] == [Effect.COMPATIBLE] * 3


def test_a_checkpoint_without_facts(tmp_path):
    """Of another engine, or an older one: it is said that nothing can be compared."""
    runner = toy_runner(tmp_path, val=False)
    runner.facts = None
    runner.train()
    resumed = toy_runner(tmp_path, val=False, resume=True)
    resumed.train()
    assert not resumed.resume_report.is_known
    assert "nothing can be compared" in str(resumed.resume_report)


def test_objects_in_a_configuration_are_named_by_their_class():
    """An address would be another one in every process."""
    assert flat_arguments({"model": {"type": dict, "act": object(), "sizes": ()}}) == {
        "model.type": "dict",
        "model.act": "object",
        "model.sizes": "()",
    }


def test_fingerprints_of_data_sets():
    """By what the data set says of itself, or by its length and first and last records."""

    class Own:
        def fingerprint(self):
            return "abc"

    class Records:
        metainfo = {"classes": ("a",)}  # noqa: RUF012 - read, never written

        def __init__(self, records):
            self.records = records

        def __len__(self):
            return len(self.records)

        def get_data_info(self, index):
            return {"path": self.records[index]}

    assert dataset_fingerprint(Own()) == "Own: abc"
    assert dataset_fingerprint(points(8)) != dataset_fingerprint(points(9))
    assert dataset_fingerprint(Records(["a", "b"])) == dataset_fingerprint(Records(["a", "b"]))
    assert dataset_fingerprint(Records(["a", "b"])) != dataset_fingerprint(Records(["a", "c"]))


def test_the_revision_of_the_code(tmp_path):
    """The commit, with a mark where files differ from it; unknown outside of a repository."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", str(tmp_path)]
    config = tmp_path / "config.py"
    config.write_text("")
    assert code_revision(str(config)) == "unknown"
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "m"], check=True)
    commit = code_revision(str(config))
    assert len(commit) == 12
    config.write_text("changed = 1")
    assert code_revision(str(config)) == commit + "+"
