"""Train, resume, validate, test and predict from the command line, in processes of their own and in this one."""

import json
import shlex

import pytest
import torch

from eng_checkpoint import load_file, save_file
from eng_config import Config
from eng_runner.cli.common import set_from_arguments
from eng_runner.state.work_dir_lock import locked


def test_train_then_resume(process, config, tmp_path):
    """A training that is done is resumed to nothing, with more epochs to more; both end with 0 and a summary."""
    work_dir = tmp_path / "a run"
    done = process("train", config, "--work-dir", work_dir)
    assert done.returncode == 0, done.stderr
    assert "trained          3 epochs, 24 iterations" in done.stdout
    follows = done.stdout.splitlines()[done.stdout.splitlines().index("Next") + 2]
    assert shlex.split(follows)[-3:] == ["--work-dir", str(work_dir), "--resume"]
    more = process(
        "train", config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=4"
    )
    words = shlex.split(more.stdout.splitlines()[-1])
    assert words[:2] == ["eng", "train"]
    assert words[-3:] == ["--resume", "--cfg-options", "train_cfg.max_epochs=4"]
    assert more.returncode == 0, more.stderr
    assert "Resumed from" in more.stdout
    assert "trained          4 epochs, 32 iterations" in more.stdout


def test_a_yaml_file_that_imports_needs_a_word(said, config, tmp_path):
    """Data imports nothing unless it is trusted on the command line, which the error says."""
    path = tmp_path / "config.yaml"
    (tmp_path / "mine.py").write_text("raise ImportError('it runs')")
    path.write_text("custom_imports: {imports: [mine]}\nmodel: {type: X}\n")
    code, _, err = said("train", path)
    assert code == 2
    assert "the file is not trusted; read it with --trust if it is yours" in err
    code, _, err = said("train", path, "--trust")
    assert code == 2
    assert "it runs" in err


@pytest.mark.parametrize("mode", ["val", "test"])
def test_evaluate(mode, said, config, trained, tmp_path):
    """The metric that the training saw is the metric of the checkpoint."""
    code, out, _ = said(mode, config, trained / "epoch_3.pth", "--work-dir", tmp_path)
    assert code == 0
    (scalars,) = trained.glob("*/vis_data/scalars.json")
    logged = [json.loads(line) for line in scalars.read_text().splitlines()]
    last = [line["line/error"] for line in logged if "line/error" in line][-1]
    assert out.splitlines()[-1] == f"line/error: {last!r}"


def test_evaluate_what_is_not_configured(said, config, trained):
    """The missing part is named, and what to add."""
    code, _, err = said("test", config, trained / "epoch_3.pth", "--cfg-options", "test_cfg=None")
    assert code == 2
    assert "`test_cfg` is missing" in err


@pytest.mark.parametrize("command", ["val", "test", "predict"])
def test_a_checkpoint_that_is_not_there(command, said, config, trained):
    """The nearest name that is, before anything is built."""
    code, out, err = said(command, config, trained / "epohc_3.pth")
    assert (code, out) == (2, "")
    assert err == f"error: there is no checkpoint `{trained}/epohc_3.pth` (did you mean `epoch_3.pth`?)\n"


@pytest.mark.parametrize("command", ["val", "test", "predict"])
def test_a_checkpoint_that_is_none(command, said, config, tmp_path):
    """One sentence and exit code 1, without a traceback."""
    code, _, err = said(command, config, config, "--work-dir", tmp_path)
    assert code == 1
    assert f"error: {config} is damaged: " in err
    assert "Traceback" not in err


def test_a_launcher_that_started_nothing(process, config, tmp_path):
    """What is missing and how to start several processes."""
    done = process("train", config, "--work-dir", tmp_path, "--launcher", "pytorch")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "RANK is not set" in done.stderr
    assert "start it as `torchrun --nproc-per-node 2 -m eng_runner ... --launcher pytorch`" in done.stderr


def test_a_file_without_a_model(said, tmp_path):
    """It is told where to add it."""
    (tmp_path / "empty.py").write_text("")
    code, _, err = said("train", tmp_path / "empty.py", "--work-dir", tmp_path / "run")
    assert code == 2
    assert err == f"error: {tmp_path}/empty.py:1: model: is missing; add `model = dict(type=...)`\n"


def test_an_override_that_nothing_reads(said, config, tmp_path):
    """A misspelled key beside the one that was meant ends the command before any training."""
    arguments = ["--work-dir", tmp_path / "run", "--cfg-options", "optim_wraper.optimizer.lr=0.01"]
    code, _, err = said("train", config, *arguments)
    assert code == 2
    assert "<command line>:1: optim_wraper: no part has this name (did you mean `optim_wrapper`?)" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (
            "custom_hooks=abc",
            "custom_hooks: is a list of hooks, not 'abc'; write `custom_hooks = [dict(type=...)]`",
        ),
        ("custom_hooks.0.type=A", "custom_hooks: is a list of hooks, not {'0': {'type': 'A'}}; write"),
        ("custom_hooks=[A]", "custom_hooks: is a list of hooks, not ['A']; write"),
        ("model=3", "model: is a mapping, not 3; write `model = dict(...)`"),
        ("randomness=3", "randomness: is a mapping, not 3; write `randomness = dict(...)`"),
        ("visualizer=abc", "visualizer: is a mapping, not 'abc'; write"),
        ("resume=maybe", "resume: is True or False, not 'maybe'; write one"),
        ("launcher=foo", "launcher: is 'none' or 'pytorch' or 'slurm' or 'mpi', not 'foo'; write one"),
        ("default_hooks=abc", "default_hooks: is a mapping, not 'abc'; write"),
        ("train_cfg=[1]", "train_cfg: is a mapping, not [1]; write"),
        ("optim_wrapper=3", "optim_wrapper: is a mapping, not 3; write"),
        ("val_evaluator=abc", "val_evaluator: is a mapping or a list of these, not 'abc'; write"),
    ],
)
@pytest.mark.parametrize("command", ["train", "check"])
def test_a_part_of_another_shape(command, said, config, tmp_path, option, told):
    """What it is, and how it is written."""
    work_dir = ["--work-dir", tmp_path] if command == "train" else []
    code, _, err = said(command, config, *work_dir, "--cfg-options", option)
    assert code == 2
    assert f"error: <command line>:1: {told}" in err


def test_a_work_folder_that_is_a_file(said, config):
    """Which is told without a traceback."""
    code, _, err = said("train", config, "--work-dir", config)
    assert code == 2
    assert "Not a directory" in err


def test_predict_as_tensors(said, config, trained, tmp_path):
    """One prediction a sample, in the order of the data set, by the weights of the checkpoint."""
    code, out, _ = said("predict", config, trained / "epoch_3.pth", "--work-dir", tmp_path)
    assert code == 0
    assert out.splitlines()[-1] == f"10 predictions: {tmp_path}/predictions.pth"
    weights = load_file(trained / "epoch_3.pth")["state_dict"]
    predictions = load_file(tmp_path / "predictions.pth")["predictions"]
    x = torch.linspace(-1, 1, 10)[:, None]
    expected = x * weights["linear.weight"] + weights["linear.bias"]
    torch.testing.assert_close(torch.stack([predicted for predicted, _ in predictions]), expected)
    torch.testing.assert_close(torch.stack([y for _, y in predictions]), 3 * x + 1)


def test_predict_as_lines(said, config, trained, tmp_path):
    """For the shuffled training data the order is still that of the data set."""
    out = tmp_path / "new" / "train.jsonl"
    arguments = ["--loader", "train", "--out", out, "--work-dir", tmp_path]
    assert said("predict", config, trained / "epoch_3.pth", *arguments)[0] == 0
    targets = [json.loads(line)[1][0] for line in out.read_text().splitlines()]
    assert len(targets) == 32
    assert targets == sorted(targets)


def test_predict_needs_a_loader_and_a_format(said, config, trained, tmp_path):
    """Both are said before anything is built."""
    code, _, err = said("predict", config, trained / "epoch_3.pth", "--out", tmp_path / "x.pkl")
    assert (code, "--out ends with .pth or .jsonl" in err) == (2, True)
    arguments = ["--cfg-options", "test_dataloader=None"]
    code, _, err = said("predict", config, trained / "epoch_3.pth", *arguments)
    assert code == 2
    assert "the file has train_dataloader and val_dataloader" in err


@pytest.mark.parametrize(
    ("option", "place"),
    [
        ("default_hooks.checkpoint.interval=often", "line_config.py:25: while building `default_hooks.checkpoint` "),
        ("train_dataloader.batch_size=0", "line_config.py:4: while building `train_dataloader` "),
        ("val_dataloader.batch_size=0", "line_config.py:13: while building `val_dataloader` "),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_built_is_the_one_blamed(said, config, tmp_path, option, place):
    """The part as the user wrote it: not what it was built for, and no line of this package."""
    code, _, err = said("train", config, "--work-dir", tmp_path / "run", "--cfg-options", option)
    assert code == 2
    assert place in err
    assert err.count("while building") == 1


def test_an_interval_in_words_on_the_command_line(said, config, tmp_path):
    """Blanks get lost there; `500steps` is as good as `500 steps`."""
    option = "default_hooks.checkpoint.interval='2 epochs'"
    code, _, err = said("train", config, "--work-dir", tmp_path / "run", "--cfg-options", option)
    assert code == 0, err
    assert [path.name for path in sorted(tmp_path.glob("run/epoch_*.pth"))] == ["epoch_2.pth", "epoch_3.pth"]


def test_what_an_argument_sets_comes_from_the_command_line(config):
    """So that an error about it shows where to look, and a path keeps its blanks."""
    read = Config.fromfile(config)
    set_from_arguments(read, load_from="a b.pth", resume=False)
    assert (read.load_from, str(read.origin("load_from"))) == ("a b.pth", "<command line>")


def test_a_server_that_does_not_answer(said, config, tmp_path):
    """One sentence and exit code 1."""
    code, _, err = said("test", config, "http://127.0.0.1:9/x.pth", "--work-dir", tmp_path)
    assert code == 1
    assert "error: the checkpoint cannot be fetched: " in err


def test_a_setting_that_is_misspelled(said, config):
    """Also of the environment."""
    code, _, err = said("check", config, "--cfg-options", "env_cfg.cudn_benchmark=True")
    assert code == 2
    assert "env_cfg takes no argument `cudn_benchmark` (did you mean `cudnn_benchmark`?)" in err


def test_a_folder_where_another_run_trains(said, config, tmp_path):
    """One sentence that names it, and exit code 1."""
    with locked(str(tmp_path), name="the first"):
        code, _, err = said("train", config, "--work-dir", tmp_path)
    assert code == 1
    assert err.startswith(f"error: another run is training in {tmp_path}: the first, process ")


def test_resuming_from_weights_alone(said, config, trained, tmp_path):
    """One sentence and exit code 1."""
    torch.save({"state_dict": load_file(trained / "epoch_3.pth")["state_dict"]}, tmp_path / "weights.pth")
    code, _, err = said("train", config, "--work-dir", tmp_path / "run", "--resume", tmp_path / "weights.pth")
    assert code == 1
    assert "error: " in err
    assert "no training can be resumed from it" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["val", "test", "predict"])
def test_weights_that_do_not_fit_are_no_result(command, said, config, tmp_path, trained):
    """A number of a model that is half begun anew would be believed; with --partly somebody has asked for it."""
    state = load_file(trained / "epoch_3.pth")
    state["state_dict"].pop("linear.bias")
    save_file({"state_dict": state["state_dict"]}, tmp_path / "other.pth")
    arguments = (command, config, tmp_path / "other.pth", "--work-dir", tmp_path / "run")
    code, _, err = said(*arguments)
    assert code == 1
    assert "1 missing in the file:\n  linear.bias\nWith --partly" in err
    assert "Traceback" not in err
    code, out, err = said(*arguments, "--partly")
    assert (code, err) == (0, "")
    assert "line/error" in out or "predictions" in out
