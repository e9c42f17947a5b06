"""A mistake in a configuration is one clear error with file and line, exit code 2, before any training."""

import pytest
from road import DIGITS

from eng_runner.cli import main


def spoil(tmp_path, old, new):
    """A copy of the digits example with one mistake; returns the file and the line of the mistake."""
    (tmp_path / "digits.py").write_text((DIGITS.parent / "digits.py").read_text())
    text = DIGITS.read_text()
    assert old in text
    spoiled = text.replace(old, new, 1)
    path = tmp_path / "config.py"
    path.write_text(spoiled)
    return path, spoiled[: spoiled.index(new)].count("\n") + 1


MISTAKES = {
    "a misspelled top-level key": ("optim_wrapper = dict", "optim_wraper = dict", "optim_wrapper"),
    "a misspelled argument": ("max_epochs=epochs", "max_epoch=epochs", "max_epochs"),
    "a misspelled argument of the optimizer": ("weight_decay=0.01", "weight_deca=0.01", "weight_decay"),
    "an unknown model": ('type="DigitsNet"', 'type="DigitNet"', "DigitsNet"),
    "an unknown hook argument": ("max_keep_ckpts=3", "max_keep_ckpt=3", "max_keep_ckpts"),
    "an unknown transform": ('type="RandomShift"', 'type="RandomShif"', "RandomShift"),
    "an unknown schedule": ('type="LinearLR"', 'type="LinearRL"', "LinearLR"),
    "an unknown loader option": ("persistent_workers=True", "persistent_worker=True", "persistent_workers"),
    "an unknown metric": ('type="Accuracy"', 'type="Acuracy"', "Accuracy"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_error_with_place_and_suggestion(mistake, tmp_path, capsys):
    """Exit code 2, the line of the mistake, the nearest name; nothing was written."""
    old, new, suggestion = MISTAKES[mistake]
    path, line = spoil(tmp_path, old, new)
    with pytest.raises(SystemExit) as leaving:
        main(["train", str(path), "--work-dir", str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert leaving.value.code == 2
    assert said.startswith(f"error: {path}:{line}: ")
    assert suggestion in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_the_same_from_outside(eng, tmp_path):
    """A whole process leaves with exit code 2 and without a traceback."""
    path, line = spoil(tmp_path, "max_epochs=epochs", "max_epoch=epochs")
    done = eng("train", path, "--work-dir", "run", check=False)
    assert done.returncode == 2, done.stderr
    assert f"{path}:{line}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("run/*.pth"))


def test_several_mistakes_are_reported_at_once(eng, tmp_path):
    """Each mistake has its line in the same report."""
    path, _ = spoil(tmp_path, 'type="DigitsNet"', 'type="DigitNet"')
    path.write_text(path.read_text().replace("weight_decay=0.01", "weight_deca=0.01"))
    done = eng("check", path, check=False)
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 2


def test_a_misspelled_override(eng, tmp_path):
    """`--cfg-options` is checked like the file; the place is the command line."""
    done = eng(
        "train", DIGITS, "--work-dir", "run", "--cfg-options", "optim_wrapper.optimizer.lrr=0.1", check=False
    )
    assert done.returncode == 2
    assert "command line" in done.stderr
    assert "AdamW takes no argument `lrr`; it takes: lr, " in done.stderr


def test_a_missing_file(eng):
    """A configuration that is not there is named."""
    done = eng("train", "nowhere.py", check=False)
    assert done.returncode == 2
    assert "nowhere.py" in done.stderr
    assert "Traceback" not in done.stderr
