"""A trained run, its servers, and the browser that looks at them; each made once for all tests in here."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from road import DIGITS, environment

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PICTURES = '''
"""Draws the first image of every validation with what the model takes it for, and its feature maps."""

import torch
from torch.nn import functional as F

from eng_registry import HOOKS
from eng_runner import Hook
from eng_visualization import Visualizer


@HOOKS.register_module()
class Pictures(Hook):
    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx:
            return
        image = data_batch["inputs"][:1]
        shown = (F.interpolate(image, scale_factor=16)[0, 0] * 255).byte().numpy()
        runner.visualizer.add_datasample("val/first", shown, outputs[0], step=runner.iter)
        with torch.no_grad():
            features = runner.bare_model.features[:3](image)[0]
        grid = Visualizer.draw_featmap(features, None, None, topk=4, arrangement=(2, 2), resize_shape=(96, 96))
        runner.visualizer.add_image("val/features", grid, runner.iter)
'''

CONFIG = """
_base_ = [{digits!r}]
custom_imports = dict(imports=["digits", "pictures"])
epochs = 4
train_cfg = dict(max_epochs=4)
custom_hooks = [dict(type="Pictures")]
test_evaluator = [dict(type="Accuracy"), dict(type="ConfusionMatrix", num_classes=10)]
visualizer = dict(
    vis_backends=[
        dict(type="LocalVisBackend"),
        dict(type="TensorboardVisBackend"),
        dict(type="WandbVisBackend", init_kwargs=dict(mode="offline", project="digits")),
        dict(type="MLflowVisBackend", exp_name="digits", run_name="first", tracking_uri={mlflow!r}),
    ]
)
"""


@dataclass(frozen=True, slots=True)
class Trained:
    """Where a run is: its folder, what is recorded of its last start, and the MLflow server that knows it."""

    work_dir: Path
    vis_data: Path
    mlflow: str


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An empty folder."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def serve(folder):
    """Start `python -m module ... --port N` and wait until it answers; its address. They end with the tests."""
    with contextlib.ExitStack() as servers:

        def started(module, *arguments, probe):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            log = folder / f"{module}.log"
            server = subprocess.Popen(
                [sys.executable, "-m", module, *arguments, "--host", "127.0.0.1", "--port", str(port)],
                stdout=servers.enter_context(open(log, "wb")),
                stderr=subprocess.STDOUT,
                env=environment(MLFLOW_DISABLE_TELEMETRY="true"),
                cwd=folder,
                start_new_session=True,
            )
            servers.callback(_end, server)
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 240  # a new database of MLflow has some migrations to go through
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/{probe}").close()
                    return address
                if server.poll() is not None:
                    break
                time.sleep(0.25)
            pytest.fail(f"{module} does not answer at {address}:\n{log.read_text()[-3000:]}")

        yield started


def _end(server):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    server.wait()


@pytest.fixture(scope="session")
def trained(folder, serve):
    """The digits example, trained for some epochs, tested, with four backends on."""
    for module in ("mlflow", "wandb", "sklearn"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} not installed")
    (folder / "pictures.py").write_text(PICTURES)
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "mlartifacts"),
        "--workers",
        "1",
    ]
    address = serve("mlflow", "server", *store, probe="health")
    config, work_dir = folder / "config.py", folder / "run"
    config.write_text(CONFIG.format(digits=str(DIGITS), mlflow=address))
    _eng("train", config, "--work-dir", work_dir, cwd=folder)
    (vis_data,) = work_dir.glob("*/vis_data")
    return Trained(work_dir, vis_data, address)


def _eng(*arguments, cwd):
    command = [sys.executable, "-m", "eng_runner", *map(str, arguments)]
    paths = os.pathsep.join([str(cwd), str(DIGITS.parent), os.environ.get("PYTHONPATH", "")])
    quiet = environment(PYTHONPATH=paths, WANDB_SILENT="true", MLFLOW_DISABLE_TELEMETRY="true")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=quiet)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


@pytest.fixture(scope="session")
def eng(folder):
    """Run `eng ...` in the folder."""
    return lambda *arguments: _eng(*arguments, cwd=folder)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found; set CHROMIUM to its path")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open an address in an empty profile."""
    with contextlib.ExitStack() as pages:

        def opened(address, **kwargs):
            page = chromium.new_page(**kwargs)
            pages.callback(page.close)
            page.goto(address)
            return page

        yield opened
