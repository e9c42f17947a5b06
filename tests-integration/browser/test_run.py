"""A really trained run as people see it: report, TensorBoard and MLflow in a browser, W&B through its own reader."""

import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the clients have their own deprecations
]

PICTURES = {"val/first", "val/features"}
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def losses(trained):
    """The loss at each recorded iteration, as the local file has it."""
    lines = (trained.vis_data / "scalars.json").read_text().splitlines()
    return {record["step"]: record["loss"] for record in map(json.loads, lines) if "loss" in record}


def test_tensorboard_draws_the_curves_and_the_images(trained, serve, open_page):
    """Its server on the work folder: the cards of the scalars with something drawn, and the pixels of the pictures."""
    address = serve(
        "tensorboard.main", "--logdir", str(trained.work_dir), "--load_fast=false",
        probe="data/plugin/scalars/tags",
    )  # fmt: skip
    page = open_page(f"{address}/#timeseries", viewport={"width": 1400, "height": 1600})
    for name in ("loss", "lr", "grad_norm"):
        group = page.get_by_text(name, exact=True).first
        group.click(timeout=PATIENCE_MS)
        page.locator("scalar-card", has_text=name).locator("canvas, svg path").first.wait_for(
            timeout=PATIENCE_MS
        )
    page.goto(f"{address}/?images#images")
    for name in PICTURES:
        page.get_by_text(name).first.wait_for(timeout=PATIENCE_MS)
    page.locator("img").nth(1).wait_for(timeout=PATIENCE_MS)
    widths = page.locator("img").evaluate_all(
        "images => Promise.all(images.map(async (image) => { await image.decode(); return image.naturalWidth; }))"
    )
    assert sorted(widths) == [192, 256]


def test_mlflow_has_parameters_metrics_and_artefacts(trained, losses, open_page):
    """Read back through its client, and seen on the page of the run."""
    from mlflow import MlflowClient

    client = MlflowClient(trained.mlflow)
    experiment = client.get_experiment_by_name("digits").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.status == "FINISHED"
    assert run.data.params["optim_wrapper.optimizer.lr"] == "0.005"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert {point.step: point.value for point in history} == pytest.approx(losses)
    pictures = {artifact.path for artifact in client.list_artifacts(run.info.run_id, "val")}
    assert pictures == {f"{name}_{23 * epoch}.png" for name in PICTURES for epoch in range(1, 5)}
    files = {
        artifact.path for artifact in client.list_artifacts(run.info.run_id, trained.vis_data.parent.name)
    }
    assert f"{trained.vis_data.parent.name}/{trained.vis_data.parent.name}.log" in files

    page = open_page(f"{trained.mlflow}/#/experiments/{experiment}/runs/{run.info.run_id}")
    for words in ("grad_norm", "optim_wrapper.optimizer.lr"):
        page.get_by_text(words).first.wait_for(timeout=PATIENCE_MS)
    page.goto(f"{trained.mlflow}/#/experiments/{experiment}/runs/{run.info.run_id}/artifacts/val")
    page.get_by_text("features_92.png").first.wait_for(timeout=PATIENCE_MS)


def test_the_reader_of_wandb_finds_the_run(trained, losses):
    """`wandb leet inspect` on the offline folder: every loss at its step, and the configuration."""
    (folder,) = (trained.vis_data / "wandb").glob("offline-run-*")

    def inspect(*arguments):
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *arguments, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    summary = json.loads(inspect("--summary"))
    assert (summary["project"], summary["state"]) == ("digits", "finished")
    assert summary["config"]["optim_wrapper"]["optimizer"]["lr"] == 0.005
    assert {name: summary["summary"][name]["_type"] for name in PICTURES} == dict.fromkeys(
        PICTURES, "image-file"
    )
    records = [json.loads(line) for line in inspect().splitlines()]
    rows = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert {row["step"]: row["loss"] for row in rows if "loss" in row} == pytest.approx(losses)


def test_the_report_of_the_run_is_drawn(trained, eng, open_page, tmp_path):
    """After a test of the model: curves, confusions, pictures, verified checkpoints, environment; no complaint."""
    eng("test", "config.py", trained.work_dir / "epoch_4.pth", "--work-dir", trained.work_dir)
    eng("report", trained.work_dir, "--out", tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    complaints = []
    page = open_page("about:blank")
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "report.html").as_uri())
    drawn = page.evaluate(
        "[...document.querySelectorAll('.chart')].filter((chart) => chart.querySelector('path.curve')"
        ".getBBox().width > 50).map((chart) => chart.dataset.name)"
    )
    assert {"loss", "accuracy", "lr", "time"} <= set(drawn)
    seen = page.evaluate("[...document.querySelectorAll('.samples img')].map((image) => image.naturalWidth)")
    assert sorted(seen) == [192] * 4 + [256] * 4
    assert page.locator("#matrices .matrix td[style]").count() == 100
    assert page.locator("#checkpoints").get_by_text("verified").count() >= 2
    assert "PyTorch" in page.locator("#environment").inner_text()
    assert "digits/config.py:" in page.locator("#configuration").inner_text()
    assert complaints == []


def test_a_resumed_run_is_the_same_run_everywhere(trained, eng, open_page, tmp_path):
    """Two more epochs: one run at MLflow, one id at W&B, each point once in files, at the server and in the report."""
    from mlflow import MlflowClient

    eng(
        "train",
        "config.py",
        "--work-dir",
        trained.work_dir,
        "--resume",
        "--cfg-options",
        "train_cfg.max_epochs=6",
    )
    steps = [
        record["iter"]
        for path in sorted(trained.work_dir.glob("*/vis_data/scalars.json"))
        for record in map(json.loads, path.read_text().splitlines())
        if "iter" in record
    ]
    assert steps == [20 + 23 * epoch for epoch in range(6)]
    client = MlflowClient(trained.mlflow)
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.status == "FINISHED"
    assert sorted(point.step for point in client.get_metric_history(run.info.run_id, "loss")) == steps
    files = list(trained.work_dir.glob("*/vis_data/wandb/offline-run-*/*.wandb"))
    assert len(files) == 2
    assert len({path.name for path in files}) == 1

    eng("report", trained.work_dir, "--out", tmp_path / "report.html")
    page = open_page((tmp_path / "report.html").as_uri())
    assert "digits/config.py:" in page.locator("#configuration").inner_text()
    curves = json.loads(page.locator("#curve-data").text_content())["curves"]
    assert [x for x, _ in curves["accuracy"][0]] == sorted({x for x, _ in curves["accuracy"][0]})
