import os
import time

import pytest
import torch

from eng_checkpoint import NoValidCheckpoint, commit, find_newest_valid, load_file


@pytest.fixture
def run(tmp_path):
    for n in (1, 2, 3):
        commit(tmp_path, f"iter_{n}.pth", {"w": torch.full((100,), float(n))}, epoch=0, iter=n, step=n)
    return tmp_path


def test_the_newest_is_found(run):
    """With its entry; best ones are not resumed from."""
    commit(run, "best.pth", {}, kind="best", epoch=0, iter=4, step=4)
    found = find_newest_valid(run)
    assert (found.path, found.entry.step, found.skipped) == (run / "iter_3.pth", 3, ())


def test_an_empty_or_missing_folder(tmp_path):
    """Has nothing to resume from, which is no error."""
    assert find_newest_valid(tmp_path).path is None
    assert find_newest_valid(tmp_path / "none").path is None


def test_damaged_ones_are_passed_over_and_named(run, flip, caplog):
    """Truncated, flipped, gone: each with its reason, in the result and in the log."""
    (run / "iter_3.pth").write_bytes((run / "iter_3.pth").read_bytes()[:700])
    flip(run / "iter_2.pth", 600)
    found = find_newest_valid(run)
    assert found.path == run / "iter_1.pth"
    assert [item.name for item in found.skipped] == ["iter_3.pth", "iter_2.pth"]
    assert found.skipped[0].reason.startswith("truncated: 700 of ")
    assert "another digest" in found.skipped[1].reason
    assert "iter_3.pth" in caplog.text
    (run / "iter_1.pth").unlink()
    with pytest.raises(
        NoValidCheckpoint, match=r"(?s)iter_3.pth: truncated.*iter_2.pth: damaged.*iter_1.pth: missing"
    ):
        find_newest_valid(run)


def test_a_link_is_not_followed(run, tmp_path_factory):
    """Not even to a file with the right content."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.pth"
    (run / "iter_3.pth").rename(elsewhere)
    (run / "iter_3.pth").symlink_to(elsewhere)
    assert find_newest_valid(run).path == run / "iter_2.pth"


def test_the_clock_plays_no_part(run):
    """Neither a clock that jumped back nor names in alphabetical order decide."""
    commit(run, "iter_10.pth", {}, epoch=0, iter=10, step=10)
    yesterday = time.time() - 86_400
    os.utime(run / "iter_10.pth", (yesterday, yesterday))
    assert find_newest_valid(run).path == run / "iter_10.pth"


def test_a_run_that_was_rewound(run):
    """What was committed last is the newest, also at a smaller step."""
    commit(run, "iter_2.pth", {"w": torch.zeros(1)}, epoch=0, iter=2, step=2)
    assert load_file(find_newest_valid(run).path)["w"].numel() == 1


def test_a_folder_without_a_list(tmp_path, flip, caplog):
    """The hint first, then by number; one warning; checksums still decide."""
    for n in (9, 10, 11):
        torch.save({"n": torch.full((50,), n)}, tmp_path / f"epoch_{n}.pth")
    torch.save({}, tmp_path / "best_acc_epoch_12.pth")
    (tmp_path / "folder_99.pth").mkdir()
    assert find_newest_valid(tmp_path).path == tmp_path / "epoch_11.pth"
    assert caplog.text.count("was not verified") == 1
    (tmp_path / "last_checkpoint").write_text("/moved/from/elsewhere/epoch_10.pth")
    assert find_newest_valid(tmp_path).path == tmp_path / "epoch_10.pth"
    content = (tmp_path / "epoch_10.pth").read_bytes()
    flip(tmp_path / "epoch_10.pth", content.index(b"\x0a\0\0\0\0\0\0\0\x0a\0"))
    found = find_newest_valid(tmp_path)
    assert (found.path, found.skipped[0].name) == (tmp_path / "epoch_11.pth", "epoch_10.pth")
    for n in (9, 11):
        (tmp_path / f"epoch_{n}.pth").write_bytes(content[: 100 * n])
    with pytest.raises(NoValidCheckpoint):
        find_newest_valid(tmp_path)


@pytest.mark.parametrize("hint", [b"\xff\xfe\0", b"x" * 5000, b"..", b"/"])
def test_a_hint_that_is_no_name_is_no_hint(tmp_path, hint):
    """The files themselves are looked at."""
    torch.save({"n": 1}, tmp_path / "epoch_1.pth")
    (tmp_path / "last_checkpoint").write_bytes(hint)
    assert find_newest_valid(tmp_path).path == tmp_path / "epoch_1.pth"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_hint_that_is_no_file_is_no_hint(tmp_path, make):
    """It is not waited for."""
    torch.save({"n": 1}, tmp_path / "epoch_1.pth")
    make(tmp_path / "last_checkpoint")
    assert find_newest_valid(tmp_path).path == tmp_path / "epoch_1.pth"


def test_a_pipe_in_the_place_of_a_checkpoint_is_not_read(run):
    """The one before it counts."""
    (run / "iter_3.pth").unlink()
    os.mkfifo(run / "iter_3.pth")
    found = find_newest_valid(run)
    assert found.path == run / "iter_2.pth"
    assert found.skipped[0].reason == "a device, a pipe or a socket"
