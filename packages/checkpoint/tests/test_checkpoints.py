import pytest
import torch

from eng_checkpoint import Checkpoints, Keep, NoValidCheckpoint, PlainDataError
from eng_fileio import WriteError


def state(n):
    return {"w": torch.full((100,), float(n)), "n": n}


@pytest.mark.parametrize("background", [False, True])
def test_a_run(tmp_path, background):
    """Save, keep what the rules want, resume from the newest, find the best."""
    rules = Keep(last=1, best=1, metric="loss", rule="less")
    with Checkpoints(tmp_path / "run", keep=rules, background=background) as checkpoints:
        assert checkpoints.load() is None
        for n, loss in enumerate([3.0, 1.0, 2.0, float("nan")]):
            checkpoints.save(state(n), step=n, epoch=n // 2, metrics={"loss": loss})
        assert checkpoints.load()["n"] == 3
    again = Checkpoints(tmp_path / "run", keep=rules)
    assert [entry.name for entry in again.entries] == ["step_1.pth", "step_3.pth"]
    assert again.best().step == 1
    assert again.newest().entry.epoch == 1
    again.check()
    again.close()


def test_damage(tmp_path):
    """It is passed over; on request it is set aside; when nothing is left, there is no silent new start."""
    checkpoints = Checkpoints(tmp_path, name="{epoch}_{iter}.pth")
    for n in (1, 2):
        checkpoints.save(state(n), step=n, epoch=7)
    (tmp_path / "7_2.pth").write_bytes(b"")
    assert checkpoints.load()["n"] == 1
    (damaged,) = checkpoints.quarantine()
    assert damaged.name == "7_2.pth"
    assert "truncated" in damaged.reason
    assert sorted(path.name for path in tmp_path.glob("7*")) == ["7_1.pth", "7_2.pth.corrupt"]
    assert checkpoints.quarantine() == ()
    (tmp_path / "7_1.pth").write_bytes(b"")
    with pytest.raises(NoValidCheckpoint):
        checkpoints.load()


def test_what_goes_wrong_in_the_background_is_raised(tmp_path):
    """At the next save at the latest; a state that is not plain at once."""
    (tmp_path / "file").write_text("in the way")
    checkpoints = Checkpoints(tmp_path / "file" / "run", background=True)
    with pytest.raises(PlainDataError):
        checkpoints.save({"f": print}, step=0)
    checkpoints.save(state(1), step=1)
    with pytest.raises((WriteError, NotADirectoryError)):
        checkpoints.save(state(2), step=2)
    checkpoints.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "one"},
        {"step": 1.5},
        {"step": 1, "epoch": None},
        {"step": 1, "metrics": {"loss": None}},
        {"step": 1, "metrics": {"loss": "0.5"}},
        {"step": 1, "metrics": {"loss": torch.ones(2)}},
    ],
)
@pytest.mark.parametrize("background", [False, True])
def test_a_count_or_a_metric_that_is_no_number_is_refused(tmp_path, wrong, background):
    """At the call; the list of a folder that holds it could not be read again."""
    with Checkpoints(tmp_path, background=background) as checkpoints:
        checkpoints.save(state(0), step=0)
        with pytest.raises(
            TypeError, match=r"`(step|epoch)` is a whole number|the metric `loss` is a number"
        ):
            checkpoints.save(state(1), **wrong)
        assert [entry.step for entry in checkpoints.entries] in ([0], [])
    assert Checkpoints(tmp_path).load()["n"] == 0


def test_metrics_and_steps_may_be_tensors(tmp_path):
    """As loops have them at hand."""
    checkpoints = Checkpoints(tmp_path, keep=Keep(last=1, best=1, metric="loss"))
    checkpoints.save(state(1), step=torch.tensor(3), metrics={"loss": torch.tensor(0.5)})
    (entry,) = checkpoints.entries
    assert (entry.name, entry.step, entry.metrics) == ("step_3.pth", 3, {"loss": 0.5})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Keep(last=1, every_steps=0),
        lambda: Keep(best=-1, metric="loss"),
        lambda: Checkpoints("x", name="{foo}.pth"),
        lambda: Checkpoints("x", verify="none"),
    ],
)
def test_what_could_only_fail_after_hours_fails_at_once(make):
    """Rules and names are looked at when they are given."""
    with pytest.raises(ValueError, match=r"`(every_steps|best|name|verify)`"):
        make()
