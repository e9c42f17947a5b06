import os

import pytest

from eng_checkpoint import Keep, commit, entries, prune


@pytest.fixture
def run(tmp_path):
    for n in range(1, 6):
        commit(tmp_path, f"iter_{n}.pth", {"n": n}, epoch=0, iter=n, step=n, metrics={"loss": abs(n - 2.0)})
    commit(tmp_path, "best_a.pth", {}, kind="best", epoch=0, iter=1, step=1)
    (tmp_path / "mine.pth").write_text("not ours")
    return tmp_path


def names(run):
    return [entry.name for entry in entries(run)]


def test_the_oldest_go(run):
    """Of that kind, of the list; what is protected stays, and so does what is not ours."""
    assert prune(run, keep=2, protect=["iter_1.pth"]) == ["iter_2.pth", "iter_3.pth"]
    assert names(run) == ["iter_1.pth", "iter_4.pth", "iter_5.pth", "best_a.pth"]
    assert (run / "mine.pth").exists()
    assert prune(run, keep=2, protect=["iter_1.pth"]) == []
    assert prune(run, kind="best", keep=1) == []


def test_nothing_goes_when_the_newest_is_damaged(run, caplog):
    """It would be the only whole one that goes."""
    (run / "iter_5.pth").write_bytes(b"")
    assert prune(run, keep=1) == []
    assert "nothing is deleted" in caplog.text
    assert len(names(run)) == 6


def test_pruning_goes_on_where_it_was_killed(run):
    """Files may be gone whose entries are still there."""
    (run / "iter_1.pth").unlink()
    assert prune(run, keep=1) == ["iter_1.pth", "iter_2.pth", "iter_3.pth", "iter_4.pth"]
    assert sorted(n for n in os.listdir(run) if n.startswith("iter")) == ["iter_5.pth"]


def test_at_least_one_stays(run):
    """A rule that keeps nothing is a mistake."""
    with pytest.raises(ValueError, match="at least one"):
        prune(run, keep=0)
    with pytest.raises(ValueError, match="at least one"):
        Keep(last=0)
    with pytest.raises(ValueError, match="the best by what"):
        Keep(best=1)
    with pytest.raises(ValueError, match="'greater' or 'less'"):
        Keep(rule="most")


@pytest.mark.parametrize(
    ("rules", "leaving"),
    [
        (Keep(), []),
        (Keep(last=9), []),
        (Keep(last=1), [1, 2, 3, 4]),
        (Keep(last=1, best=1, metric="loss", rule="less"), [1, 3, 4]),
        (Keep(last=1, best=2, metric="loss"), [1, 2, 3]),
        (Keep(last=1, best=2, metric="loss", rule="less"), [1, 4]),
        (Keep(last=1, best=1, metric="none"), [1, 2, 3, 4]),
        (Keep(last=2, every_steps=3), [1, 2]),
    ],
    ids=str,
)
def test_the_rules(run, rules, leaving):
    """Each rule keeps its own, whatever the others say; of equals the newer is better."""
    assert [entry.step for entry in rules.leaving(entries(run))] == leaving
