"""`eng ckpt`: every command on real checkpoints, whole ones and broken ones."""

import pickle
import shutil

import pytest
import torch

from eng_checkpoint import load_file, save_file


@pytest.fixture
def copied(trained, tmp_path):
    """The checkpoints of the training, to be damaged at will."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def test_ls(said, trained):
    """Oldest first, with what is known of each."""
    code, out, _ = said("ckpt", "ls", trained)
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert [row[:5] for row in rows[1:] if row[1] == "regular"] == [
        [f"epoch_{n}.pth", "regular", str(n), str(8 * n), str(8 * n)] for n in (1, 2, 3)
    ]
    assert any(row[1] == "best" and "line/error" in row for row in rows)


def test_ls_says_what_is_amiss(said, copied):
    """Missing, cut and foreign files are seen without reading them."""
    (copied / "epoch_1.pth").unlink()
    (copied / "epoch_2.pth").write_bytes(b"half")
    save_file({"step": 1}, copied / "other.pth")
    out = said("ckpt", "ls", copied)[1]
    states = {line.split()[0]: line.split("  ")[-1].strip() for line in out.splitlines()}
    assert states["epoch_1.pth"] == "missing"
    assert states["epoch_2.pth"] == "has 4 bytes"
    assert states["epoch_3.pth"] == "size right"
    assert states["other.pth"] == "not listed"


def test_ls_of_an_empty_folder(said, tmp_path):
    """Nothing is no error."""
    assert said("ckpt", "ls", tmp_path) == (0, f"no checkpoints in {tmp_path}\n", "")


def test_verify(said, trained):
    """Whole ones are 0."""
    code, out, _ = said("ckpt", "verify", trained)
    assert code == 0
    assert {line.rpartition(": ")[2] for line in out.splitlines()} == {"whole"}


def test_verify_finds_one_flipped_bit(said, copied):
    """Exit code 1, naming the file."""
    path = copied / "epoch_2.pth"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, out, err = said("ckpt", "verify", copied)
    assert code == 1
    broken = [line for line in out.splitlines() if not line.endswith(": whole")]
    assert len(broken) == 1
    assert "epoch_2.pth: damaged" in broken[0]
    assert err.startswith("1 of 4 ")
    assert said("ckpt", "verify", path)[0] == 1
    assert said("ckpt", "verify", copied / "nothing.pth")[0] == 2


def test_verify_names_code_in_a_file_and_does_not_run_it(said, tmp_path):
    """A pickle that would print is refused."""

    class Payload:
        def __reduce__(self):
            return print, ("ran",)

    torch.save({"state_dict": Payload()}, tmp_path / "bad.pth", pickle_module=pickle)
    code, out, _ = said("ckpt", "verify", tmp_path / "bad.pth")
    assert code == 1
    assert "print" in out
    assert "ran\n" not in out


def test_inspect(said, trained):
    """An overview, the weights, and the configuration."""
    path = trained / "epoch_3.pth"
    out = said("ckpt", "inspect", path)[1]
    assert "2 numbers of float32" in next(line for line in out.splitlines() if line.startswith("state_dict"))
    assert "  iter: 24" in out.splitlines()
    out = said("ckpt", "inspect", path, "--weights", "bias")[1]
    assert [line.split() for line in out.splitlines()[:2]] == [
        ["name", "shape", "type", "numbers"], ["linear.bias", "1", "float32", "1"],
    ]  # fmt: skip
    assert "1 of 2 tensors, 1 numbers" in out
    assert "model = dict(type='LineModel')" in said("ckpt", "inspect", path, "--config")[1].splitlines()


def test_convert_there_and_back(said, trained, tmp_path):
    """Weights to safetensors and back are bitwise the same."""
    weights, back = tmp_path / "w.safetensors", tmp_path / "w.pth"
    assert said("ckpt", "convert", trained / "epoch_3.pth", weights)[0] == 0
    assert said("ckpt", "convert", weights, back, "--weights", "--rename", "^linear", "line")[0] == 0
    expected = load_file(trained / "epoch_3.pth")["state_dict"]
    found = load_file(back)["state_dict"]
    assert sorted(found) == ["line.bias", "line.weight"]
    assert all(torch.equal(found[name.replace("linear", "line")], expected[name]) for name in expected)


def test_convert_keeps_the_rest(said, trained, tmp_path):
    """A renamed checkpoint of a run still is one."""
    target = tmp_path / "renamed.pth"
    assert said("ckpt", "convert", trained / "epoch_3.pth", target, "--rename", "linear", "line")[0] == 0
    assert {"meta", "state_dict", "optimizer", "clock"} <= set(load_file(target))


def test_convert_refuses(said, trained, tmp_path):
    """To overwrite, and to give two tensors one name."""
    source = trained / "epoch_3.pth"
    (tmp_path / "there.pth").touch()
    code, _, err = said("ckpt", "convert", source, tmp_path / "there.pth")
    assert (code, "--force" in err) == (2, True)
    code, _, err = said("ckpt", "convert", source, tmp_path / "x.pth", "--rename", "^.+$", "same")
    assert (code, "two tensors are called `same`" in err) == (2, True)
    assert not (tmp_path / "x.pth").exists()


def test_convert_trusts_only_when_told(said, tmp_path):
    """A file that builds more than plain data needs --trust."""
    torch.save(
        {"state_dict": {"w": torch.ones(1)}, "set": {1, 2}, "note": ValueError("x")}, tmp_path / "old.pth"
    )
    code, _, err = said("ckpt", "convert", tmp_path / "old.pth", tmp_path / "new.pth", "--weights")
    assert (code, "ValueError" in err) == (2, True)
    assert said("ckpt", "convert", tmp_path / "old.pth", tmp_path / "new.pth", "--weights", "--trust")[0] == 0
    assert load_file(tmp_path / "new.pth")["state_dict"]["w"].item() == 1.0


def test_publish(said, copied):
    """The name ends with the beginning of the digest; only the entries that others need are left."""
    code, out, _ = said("ckpt", "publish", copied / "epoch_3.pth")
    (path,) = copied.glob("epoch_3-*.pth")
    assert (code, path.name in out) == (0, True)
    assert sorted(load_file(path)) == ["meta", "state_dict"]
    code, _, err = said("ckpt", "publish", copied / "epoch_3.pth", "--keys", "weights")
    assert (code, "has no weights to publish" in err) == (2, True)


def test_average(said, tmp_path):
    """Floating-point tensors are averaged, counters are the last one's, meta names the sources."""
    for n in (1, 2, 6):
        weights = {"w": torch.full((2,), float(n), dtype=torch.float16), "seen": torch.tensor(n)}
        save_file({"state_dict": weights, "meta": {"epoch": n}}, tmp_path / f"{n}.pth")
    files = [tmp_path / f"{n}.pth" for n in (1, 2, 6)]
    assert said("ckpt", "average", *files, "--out", tmp_path / "mean.pth")[0] == 0
    mean = load_file(tmp_path / "mean.pth")
    assert mean["state_dict"]["w"].tolist() == [3.0, 3.0]
    assert mean["state_dict"]["w"].dtype is torch.float16
    assert mean["state_dict"]["seen"].item() == 6
    assert mean["meta"] == {"epoch": 6, "averaged": ["1.pth", "2.pth", "6.pth"]}


def test_average_of_a_folder(said, trained, tmp_path):
    """The last regular ones."""
    code, out, _ = said("ckpt", "average", trained, "--last", "2", "--out", tmp_path / "mean.pth")
    assert code == 0
    assert out.rstrip().endswith("the mean of 2: epoch_2.pth, epoch_3.pth")


def test_average_refuses(said, trained, tmp_path):
    """One checkpoint alone, and two of different models."""
    arguments = ["--out", tmp_path / "mean.pth"]
    assert said("ckpt", "average", trained, "--last", "1", *arguments)[0] == 2
    save_file({"state_dict": {"w": torch.ones(1)}}, tmp_path / "a.pth")
    save_file({"state_dict": {"w": torch.ones(2)}}, tmp_path / "b.pth")
    code, _, err = said("ckpt", "average", tmp_path / "a.pth", tmp_path / "b.pth", *arguments)
    assert (code, "holds another model than" in err) == (2, True)
    assert not (tmp_path / "mean.pth").exists()
