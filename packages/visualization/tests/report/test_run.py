import json
import math

import numpy as np
import pytest

from eng_visualization import LocalVisBackend, NotARunError
from eng_visualization.report.run import read_run


@pytest.fixture
def run(tmp_path, make_run):
    return read_run(make_run(tmp_path / "digits"))


def test_curves_are_over_iterations(run):
    """Also those of a validation, whose own step counts epochs; its loss is not mixed with that of training."""
    assert run.curve("accuracy").xs == (50, 100, 150, 200)
    assert run.curve("loss").xs == tuple(range(10, 201, 10))
    assert run.curve("loss").ys[:2] == (0.1, 0.05)
    assert run.curve("val/loss").ys == (2 / 50, 2 / 100, 2 / 150, 2 / 200)
    assert [curve.name for curve in run.curves] == ["loss", "lr", "time", "accuracy", "val/loss"]
    assert (run.epoch, run.iter, run.name) == (4, 200, "digits")


def test_everything_else_of_the_folder_is_read(run, tmp_path, train):
    """Facts, settings with origins, checkpoints, warnings, images."""
    assert run.facts["command"] == "eng train config.py"
    settings = {one.path: (one.value, one.origin) for one in run.settings}
    assert settings == {
        "optimizer.lr": ("0.1", "config.py:3"),
        "optimizer.type": ("'SGD'", ""),
        "hooks.0.type": ("'A'", "base.py:7"),
        "hooks.0.interval": ("2", ""),
        "hooks.1.type": ("'B'", ""),
        "sizes": ("[1, 2]", "config.py:9"),
        "empty": ("dict()", ""),
    }
    assert [(one.name, one.state) for one in run.checkpoints] == [
        ("epoch_4.pth", "verified"),
        ("best_accuracy_epoch_3.pth", "verified"),
    ]
    assert [(one.level, one.times) for one in run.warnings] == [("WARNING", 2), ("ERROR", 1)]
    assert run.warnings[0].text == "the disk is <almost> full\n  look at /data"
    assert run.warnings[0].time == "2026/01/01 12:00:01"
    assert [(image.name, image.step) for image in run.images] == [("val/sample", 200)]


def test_a_resumed_run_has_each_iteration_once(tmp_path, train):
    """Killed at 125 and resumed from 100, killed at 175 and resumed from 150: no gap and nothing twice."""
    train(tmp_path / "20260101_100000", range(1, 126))
    train(tmp_path / "20260101_110000", range(101, 176))
    train(tmp_path / "20260101_120000", range(151, 201))
    (tmp_path / "20260101_130000").mkdir()  # a start that failed at once
    run = read_run(tmp_path)
    assert run.curve("loss").xs == tuple(range(10, 201, 10))
    assert run.curve("accuracy").xs == (50, 100, 150, 200)
    assert run.starts == ("20260101_100000", "20260101_110000", "20260101_120000")


def test_a_resumed_run_may_begin_with_a_validation(tmp_path, train):
    """The checkpoint of epoch 2 was saved before its validation, so that comes first: at its place, and once."""
    train(tmp_path / "20260101_100000", range(1, 101))
    local = LocalVisBackend(tmp_path / "20260101_110000" / "vis_data")
    local.add_scalars({"accuracy": 0.75}, 2)
    train(tmp_path / "20260101_110000", range(101, 151))
    for start in ("20260101_100000", "20260101_110000"):
        LocalVisBackend(tmp_path / start / "vis_data").add_image(
            "val/first", np.zeros((2, 2, 3), np.uint8), 100
        )
    run = read_run(tmp_path)
    assert run.curve("accuracy").xs == (50, 100, 150)
    assert run.curve("accuracy").ys[1] == 0.75
    assert [(image.step, "20260101_110000" in str(image.path)) for image in run.images] == [(100, True)]


def test_a_validation_is_where_its_step_says(tmp_path):
    """Also behind the last line of training, and where a resumed run begins with it."""
    local = LocalVisBackend(tmp_path / "20260101_100000" / "vis_data")
    for at, end in ((20, 23), (43, 46)):
        local.add_scalars({"loss": 1.0, "iter": at}, at)
        local.add_scalars({"accuracy": 0.5}, end)
    local = LocalVisBackend(tmp_path / "20260101_110000" / "vis_data")
    local.add_scalars({"accuracy": 0.75}, 46)
    local.add_scalars({"loss": 1.0, "iter": 66}, 66)
    local.add_scalars({"accuracy": 0.8}, 69)
    curve = read_run(tmp_path).curve("accuracy")
    assert (curve.xs, curve.ys) == ((23, 46, 69), (0.5, 0.75, 0.8))


def test_a_resumed_run_has_the_commands_of_all_its_starts(tmp_path, train):
    """In their order, each once: the last one alone would not do it again."""
    for hour, words in ((10, "train c.py"), (11, "train c.py --resume"), (12, "train c.py --resume")):
        train(tmp_path / f"20260101_{hour}0000", range(1, 11))
        LocalVisBackend(tmp_path / f"20260101_{hour}0000" / "vis_data").add_facts({"command": f"eng {words}"})
    assert read_run(tmp_path).facts["command"] == "eng train c.py; eng train c.py --resume"


def test_a_fresh_start_in_the_same_folder_is_another_run(tmp_path, train):
    """It begins at the first iteration again, so what was before is forgotten."""
    train(tmp_path / "20260101_100000", range(1, 201), scale=9.0)
    train(tmp_path / "20260101_110000", range(1, 51))
    assert read_run(tmp_path).curve("loss").ys[:2] == (0.1, 0.05)
    assert read_run(tmp_path).iter == 50


def test_a_start_or_its_data_can_be_read_alone(tmp_path, make_run):
    """For runs of other programs that use the backend; the checkpoints are found above."""
    folder = make_run(tmp_path / "digits")
    start = folder / "20260101_120000"
    assert len(read_run(start).curve("loss").xs) == 20
    assert len(read_run(start).checkpoints) == 2
    LocalVisBackend(tmp_path / "own").add_scalars({"loss": 1.0}, 3)
    assert read_run(tmp_path / "own").curve("loss").xs == (3,)


def test_values_that_are_no_numbers_are_left_out(tmp_path):
    """NaN and infinity stay; texts and lists go; half a line of a killed run is no trouble."""
    LocalVisBackend(tmp_path).add_scalars({"loss": float("nan"), "text": "a", "list": [1]}, 1)
    LocalVisBackend(tmp_path).add_scalars({"loss": float("inf")}, 2)
    with open(tmp_path / "scalars.json", "a") as file:
        file.write('{"loss": 3, "st')
    (curve,) = read_run(tmp_path).curves
    assert math.isnan(curve.ys[0])
    assert curve.ys[1:] == (math.inf,)


def test_a_folder_of_something_else_is_refused(tmp_path):
    """And the message says what was looked for."""
    with pytest.raises(NotARunError, match="not the folder of a run"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"entries": 3}', '{"entries": [{"name": 3}]}'])
def test_a_broken_manifest_lists_nothing(tmp_path, content, make_run):
    """A report is made of what can be read."""
    folder = make_run(tmp_path / "digits")
    (folder / "manifest.json").write_text(content)
    assert read_run(folder).checkpoints == ()


def test_broken_checkpoints_are_found(tmp_path, make_run):
    """One flipped bit, a missing file, a shorter one; without reading the bytes only the sizes."""
    folder = make_run(tmp_path / "digits")
    path = folder / "epoch_4.pth"
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    (folder / "best_accuracy_epoch_3.pth").unlink()
    assert [one.state for one in read_run(folder).checkpoints] == ["its digest is wrong", "missing"]
    assert [one.state for one in read_run(folder, verify=False).checkpoints] == ["size right", "missing"]
    path.write_bytes(content[:-1])
    assert read_run(folder).checkpoints[0].state == "999 bytes instead of 1,000"
    assert not read_run(folder).checkpoints[0].is_sound


def test_a_manifest_cannot_point_out_of_the_folder(tmp_path, make_run):
    """Nothing outside is read."""
    folder = make_run(tmp_path / "digits")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["entries"][0]["name"] = "../../../etc/passwd"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_run(folder).checkpoints[0].state == "missing"


def test_a_configuration_is_read_and_not_run(tmp_path, make_run):
    """Code in it does nothing; what cannot be parsed is no setting."""
    folder = make_run(tmp_path / "digits")
    config = folder / "20260101_120000" / "vis_data" / "config.py"
    config.write_text("a = dict(type='x', f=open('/tmp/never', 'w'))\nimport os\nb = {'c': -1, 2: None}\n")
    values = {one.path: one.value for one in read_run(folder).settings}
    assert values == {"a.type": "'x'", "a.f": "open('/tmp/never', 'w')", "b.c": "-1", "b.2": "None"}
    config.write_text("a = (")
    assert read_run(folder).settings == ()


def test_a_test_of_the_model_is_no_start_of_the_run(tmp_path, make_run):
    """Its metrics are kept apart; configuration, starts and curves are those of the training."""
    folder = make_run(tmp_path / "digits")
    tested = folder / "20260102_080000"
    (tested / "vis_data").mkdir(parents=True)
    (tested / "vis_data" / "config.py").write_text("load_from = 'epoch_4.pth'\n")
    (tested / "20260102_080000.json").write_text(json.dumps({"accuracy": 0.75, "time": 1.0}))
    run = read_run(folder)
    assert run.starts == ("20260101_120000",)
    assert "load_from" not in [one.path for one in run.settings]
    assert [(one.start, one.metrics) for one in run.tests] == [("20260102_080000", {"accuracy": 0.75})]


def test_the_last_checkpoint_may_lie_behind_the_last_record(tmp_path, make_run):
    """A run that logs every 10 iterations and ends after 207 has reached 207."""
    folder = make_run(tmp_path / "digits")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["entries"][0]["iter"] = 207
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_run(folder).iter == 207


def test_the_environment_is_in_the_first_lines_of_the_log(tmp_path, train):
    """Where nobody recorded it as a fact."""
    start = tmp_path / "20260101_100000"
    train(start, range(1, 51))
    head = (
        "2026/01/01 10:00:00 - eng - INFO - digits\n    Python    3.12 (linux)\n    Work dir  /data/my run\n"
    )
    (start / "20260101_100000.log").write_text(
        head + "2026/01/01 10:00:01 - eng - INFO - Hooks:\n    A    B\n"
    )
    assert read_run(tmp_path).facts == {"environment": {"Python": "3.12 (linux)", "Work dir": "/data/my run"}}
