"""`eng check`: schedules against the length of the run."""

import pytest


@pytest.fixture
def cosine(project):
    """A configuration of 5 epochs of 16 batches; its cosine counts iterations and has no length yet."""
    path = project / "cosine.py"
    path.write_text(
        "_base_ = ['line_config.py']\n"
        "train_dataloader = dict(batch_size=2)\n"
        "train_cfg = dict(max_epochs=5)\n"
        "param_scheduler = dict(_delete_=True, type='CosineAnnealingLR', by_epoch=False)\n"
    )
    return path


@pytest.mark.parametrize(
    ("options", "iterations"),
    [
        (["train_cfg.limit_batches=4"], 20),
        (["optim_wrapper.accumulative_counts=3"], 80),
    ],
)
def test_a_schedule_is_held_to_the_iterations_of_the_run(said, cosine, options, iterations):
    """One of that length is right; a longer or a shorter one is a problem that names the iterations."""
    code, out, err = said("check", cosine, *with_length(options, iterations))
    assert (code, err) == (0, "")
    assert "no problem found" in out
    code, _, err = said("check", cosine, *with_length(options, iterations + 1))
    assert code == 2
    assert f"outlives the run: T_max={iterations + 1}, and the run has {iterations} iterations" in err
    code, _, err = said("check", cosine, *with_length(options, iterations - 1))
    assert code == 2
    assert f"has ended after {iterations - 1} iterations, and the run has {iterations} iterations" in err


def with_length(options, iterations):
    """Return command-line arguments that change the configuration, the length of its cosine among them."""
    return ["--cfg-options", *options, f"param_scheduler.T_max={iterations}"]
