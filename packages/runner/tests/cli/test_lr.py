"""`eng lr`: the values that a run will have, one for each of its iterations or epochs."""

import json

import pytest


@pytest.fixture
def schedules(project):
    """A configuration of 5 epochs of 16 batches, with two schedules that count iterations."""
    path = project / "schedules.py"
    path.write_text(
        "_base_ = ['line_config.py']\n"
        "train_dataloader = dict(batch_size=2)\n"
        "train_cfg = dict(max_epochs=5)\n"
        "param_scheduler = [\n"
        "    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=6),\n"
        "    dict(type='CosineAnnealingLR', begin=1, convert_to_iter_based=True),\n"
        "]\n"
    )
    return path


def table(out):
    """Return the rows of the table: the iteration and its rate, as text."""
    header, *lines = [line.split() for line in out.splitlines()]
    at = header.index("lr")
    return [(int(line[0]), line[at]) for line in lines if line[0].isdigit()]


def recorded(work_dir):
    """Return what the run recorded: each iteration and its rate, as the table writes it."""
    (scalars,) = work_dir.glob("*/vis_data/scalars.json")
    records = [json.loads(line) for line in scalars.read_text().splitlines()]
    return [(record["iter"], f"{record['lr']:.6g}") for record in records if "lr" in record]


def test_lr_as_rows(said, config):
    """By epochs, as the schedule counts."""
    code, out, _ = said("lr", config)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["epoch", "lr"], ["1", "0.05"], ["2", "0.075"], ["3", "0.1"],
    ]  # fmt: skip


def test_lr_of_what_is_not_a_schedule(said, config, tmp_path):
    """A string instead of a schedule, and a picture of an unknown format, exit with 2."""
    code, _, err = said("lr", config, "--cfg-options", "param_scheduler=StepLR")
    assert (code, "'StepLR', and a schedule is a mapping" in err) == (2, True)
    code, _, err = said("lr", config, "--plot", tmp_path / "lr.foo")
    assert (code, "'foo' is no kind of picture" in err) == (2, True)


def test_lr_as_a_picture(said, config, tmp_path):
    """A file of the kind that its name says."""
    assert said("lr", config, "--plot", tmp_path / "lr.png")[:2] == (0, f"{tmp_path}/lr.png\n")
    assert (tmp_path / "lr.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "iterations"),
    [
        ([], 80),
        (["train_cfg.limit_batches=4"], 20),
        (["train_cfg.limit_batches=0.3"], 25),
        (["train_cfg.overfit_batches=3"], 15),
        (["optim_wrapper.accumulative_counts=3"], 80),
        (["train_cfg.limit_batches=4", "optim_wrapper.accumulative_counts=3"], 20),
        (["train_dataloader.batch_size=5", "train_dataloader.drop_last=True"], 30),
    ],
)
def test_lr_is_that_of_the_run(said, schedules, tmp_path, options, iterations):
    """Each iteration of the training has the rate that the table has for it, and there are no others."""
    code, out, err = said("lr", schedules, "--rows", 1000, *changed(options))
    assert (code, err) == (0, "")
    each = ["default_hooks.logger.interval=1", "default_hooks.checkpoint=None", *options]
    assert said("train", schedules, "--no-check", "--work-dir", tmp_path, *changed(each))[0] == 0
    assert table(out) == recorded(tmp_path)
    assert len(table(out)) == iterations


def changed(options):
    """Return command-line arguments that change values of the configuration."""
    return ["--cfg-options", *options] if options else []


def test_lr_of_a_given_epoch_length(said, schedules):
    """It takes the place of the loader's, limited or not: no data set is built."""
    no_data = ["train_dataloader.dataset.file=nowhere.txt", "train_cfg.limit_batches=4"]
    arguments = ["--epoch-length", 10, "--rows", 1000, "--cfg-options", *no_data]
    code, out, err = said("lr", schedules, *arguments)
    assert (code, err) == (0, "")
    assert [iteration for iteration, _ in table(out)] == list(range(1, 51))


def test_lr_is_scaled_for_a_loader_without_a_batch_size(said, project, tmp_path):
    """Without `batch_size` a batch is one sample, for `auto_scale_lr` in the table as in the training."""
    path = project / "single_samples.py"
    path.write_text(
        "_base_ = ['line_config.py']\n"
        "train_dataloader = dict(\n"
        "    _delete_=True,\n"
        "    dataset=dict(type='LinePoints', count=32),\n"
        "    sampler=dict(type='DefaultSampler', shuffle=True),\n"
        "    collate_fn=dict(type='default_collate'),\n"
        ")\n"
        "param_scheduler = dict(_delete_=True, type='StepLR', step_size=48, by_epoch=False)\n"
        "auto_scale_lr = dict(enable=True, base_batch_size=4)\n"
        "default_hooks = dict(logger=dict(interval=1), checkpoint=None)\n"
    )
    code, out, err = said("lr", path, "--rows", 1000)
    assert (code, err) == (0, "")
    assert said("train", path, "--no-check", "--work-dir", tmp_path)[0] == 0
    assert table(out) == recorded(tmp_path)
    assert (table(out)[0], table(out)[-1]) == ((1, "0.025"), (96, "0.0025"))
