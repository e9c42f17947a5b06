"""Real clients, offline or with a store in a folder: what was recorded is read back, by the client or from its files.

A test whose client is not installed is skipped; the extras of the package bring them.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eng_visualization import Visualizer

CONFIG = {"optimizer": {"type": "SGD", "lr": 0.1}, "epochs": 3, "hooks": [{"type": "A"}]}

RECORD = """
import sys, json, warnings
warnings.simplefilter("ignore")
import numpy as np
from eng_visualization import Visualizer

kind, folder, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
visualizer = Visualizer(vis_backends=dict(type=kind, **arguments), save_dir=folder)
writer = visualizer._writers[kind]
writer._patience = 120
visualizer.add_config(dict({config}, work_dir=folder))
for step in (10, 20, 30):
    visualizer.add_scalars({{"train/loss": 1 / step, "lr": 0.1, "text": "no number"}}, step)
visualizer.add_scalar("val/acc", np.float32(0.75), 30)
visualizer.add_image("val/sample", np.full((8, 9, 3), 100, np.uint8), 30)
backend = visualizer.get_backend(kind)
if writer.error is None:
    backend.experiment
print("RUN", getattr(backend, "run_id", ""))
visualizer.close()
if writer.error is not None:
    raise writer.error
"""


def record(kind: str, folder: Path, **arguments: object) -> str:
    """Record a small run in a process of its own, since clients change the process they are in; its output."""
    environment = {
        **os.environ,
        "HOME": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "COMET_LOGGING_CONSOLE": "critical",
        "CLEARML_OFFLINE_MODE": "1",
        "TRACKIO_DIR": str(folder / "trackio"),
        "HF_HUB_OFFLINE": "1",
        "DVCLIVE_LOGLEVEL": "error",
        "DVC_NO_ANALYTICS": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", RECORD.format(config=CONFIG), kind, str(folder), json.dumps(arguments)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'text' is a str and no number" in done.stderr
    return done.stdout


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def leveldb_records(log: bytes) -> Iterator[bytes]:
    """The records of a log in the format of LevelDB, which an offline run is kept in.

    After a header of 7 bytes come blocks of 32 KiB with pieces: checksum, length, kind (1 whole, 2 first, 3 middle,
    4 last), bytes.
    """
    at, parts = 7, b""
    while at + 7 <= len(log):
        room = 32768 - at % 32768
        if room < 7:
            at += room
            continue
        length, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        parts = (b"" if kind in (1, 2) else parts) + log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield parts


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # the clients have their own deprecations


@needs("wandb")
def test_wandb_offline(tmp_path):
    """The offline file has every point at its step, the image and the configuration; a second run has the same id."""
    arguments = {"init_kwargs": {"mode": "offline", "project": "p"}, "define_metric_cfg": {"val/acc": "max"}}
    record("WandbVisBackend", tmp_path, **arguments)
    record("WandbVisBackend", tmp_path, **arguments)
    from wandb.proto import wandb_internal_pb2

    files = sorted((tmp_path / "vis_data" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len({path.stem for path in files}) == 1
    history, config = [], {}
    for data in leveldb_records(files[0].read_bytes()):
        message = wandb_internal_pb2.Record()
        message.ParseFromString(data)
        if message.WhichOneof("record_type") == "history":
            history.append(
                {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in message.history.item
                }
            )
        for update in [*message.config.update, *message.run.config.update]:
            config[update.key or "/".join(update.nested_key)] = json.loads(update.value_json)
    points = [(row["step"], row["train/loss"]) for row in history if "train/loss" in row]
    assert points == [(10, 0.1), (20, 0.05), (30, 1 / 30)]
    assert "image-file" in [row.get("val/sample/_type", row.get("val/sample")) for row in history]
    assert config["epochs"] == 3


@needs("mlflow")
def test_mlflow_in_a_folder(tmp_path):
    """Its client reads back parameters, metrics with their steps, and the artefacts."""
    (tmp_path / "run.log").write_text("hello")
    output = record("MLflowVisBackend", tmp_path, exp_name="digits", run_name="first", tags={"team": "a"})
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'vis_data' / 'mlflow.db'}")
    run = client.get_run(output.split("RUN ")[1].split()[0])
    assert run.info.status == "FINISHED"
    assert run.data.params["optimizer.lr"] == "0.1"
    assert run.data.params["hooks.0.type"] == "A"
    assert run.data.tags["team"] == "a"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(10, 0.1), (20, 0.05), (30, 1 / 30)]
    paths = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert {"config.py", "run.log", "val"} <= paths


@needs("aim")
def test_aim(tmp_path):
    """A repository with the run, its parameters and its metrics."""
    record("AimVisBackend", tmp_path, init_kwargs={"repo": str(tmp_path), "system_tracking_interval": None})
    from aim import Repo, Run

    (run_hash,) = Repo(str(tmp_path)).list_all_runs()
    run = Run(run_hash, repo=str(tmp_path), system_tracking_interval=None)
    assert run["hparams"]["optimizer"]["lr"] == 0.1
    metrics = {metric.name: metric.values.values_list() for metric in run.metrics()}
    assert sorted(metrics["train/loss"]) == [1 / 30, 0.05, 0.1]
    assert metrics["val/acc"] == [0.75]


@needs("aim")
def test_aim_goes_on_with_its_run(tmp_path):
    """A second start in the folder of the first is no second run."""
    for _ in range(2):
        record(
            "AimVisBackend", tmp_path, init_kwargs={"repo": str(tmp_path), "system_tracking_interval": None}
        )
    from aim import Repo

    assert len(list(Repo(str(tmp_path)).list_all_runs())) == 1


@needs("dvclive", "pygit2")
def test_dvclive(tmp_path):
    """Plain files: one table per metric, parameters, and the image."""
    record("DVCLiveVisBackend", tmp_path)
    folder = tmp_path / "vis_data"
    table = (folder / "plots" / "metrics" / "train" / "loss.tsv").read_text().split()
    assert [line for line in table[2:] if line.isdigit()] == ["10", "20", "30"]
    assert "lr: 0.1" in (folder / "params.yaml").read_text()
    assert (folder / "plots" / "images" / "val" / "sample.png").exists()


@needs("trackio")
def test_trackio(tmp_path):
    """Its own database has every point at its step."""
    record("TrackioVisBackend", tmp_path, init_kwargs={"project": "digits", "name": "first"})
    import sqlite3

    (database,) = (tmp_path / "trackio").glob("digits*.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select step, metrics from metrics order by step").fetchall()
    losses = {step: json.loads(metrics).get("train/loss") for step, metrics in rows}
    assert [losses[step] for step in (10, 20)] == [0.1, 0.05]


@needs("trackio")
def test_trackio_goes_on_with_its_run(tmp_path):
    """A second start in the folder of the first is no second run, though nobody named it."""
    for _ in range(2):
        record("TrackioVisBackend", tmp_path, init_kwargs={"project": "digits"})
    import sqlite3

    (database,) = (tmp_path / "trackio").glob("digits*.db")
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(distinct run_name) from metrics").fetchone() == (1,)


@needs("swanlab")
def test_swanlab(tmp_path):
    """A local run folder is written."""
    record("SwanLabVisBackend", tmp_path, init_kwargs={"project": "digits", "mode": "offline"})
    assert [path for path in (tmp_path / "vis_data").rglob("*") if path.is_file()]


@needs("clearml")
def test_clearml_offline(tmp_path):
    """The offline session is an archive in the home of the client."""
    record("ClearMLVisBackend", tmp_path, init_kwargs={"project_name": "p", "task_name": "t"})
    assert list((tmp_path / ".clearml").rglob("*.zip"))


@needs("comet_ml")
def test_comet_offline(tmp_path):
    """The experiment is an archive in the folder of the run."""
    record("CometVisBackend", tmp_path, offline=True, init_kwargs={"project_name": "p"})
    assert list((tmp_path / "vis_data").glob("*.zip"))


@needs("neptune")
def test_neptune_offline(tmp_path):
    """The run is kept in the client's folder."""
    record("NeptuneVisBackend", tmp_path)
    assert [path for path in (tmp_path / ".neptune").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["WandbVisBackend", "MLflowVisBackend", "NeptuneVisBackend"])
def test_a_missing_client_is_named_with_its_extra(kind, tmp_path):
    """Before the run, by the visualizer."""
    extra = kind.removesuffix("VisBackend").lower()
    if importlib.util.find_spec(extra) is not None:
        pytest.skip(f"{extra} is installed")
    with pytest.raises(ImportError, match=rf'pip install "eng-visualization\[{extra}\]"'):
        Visualizer(vis_backends={"type": kind}, save_dir=tmp_path)
