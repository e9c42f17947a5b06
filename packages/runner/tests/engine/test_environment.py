"""What a run changes of its process, and what the log says that it stands on."""

import os
import platform
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from eng_runner.engine.environment import describe_environment, setup_env


def test_the_description(monkeypatch):
    """Versions, cores, memory and the threads that were asked for; nothing that is not there."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    facts = describe_environment()
    assert facts["Python"].startswith(platform.python_version())
    assert facts["PyTorch"] == torch.__version__
    assert facts["CPU"].endswith("GiB memory")
    assert facts["Threads"] == "OMP_NUM_THREADS=3"
    assert ("Accelerator" in facts) == torch.accelerator.is_available()
    assert "" not in facts.values()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            SimpleNamespace(get_device_name=lambda index: f"Max {1100 + index // 2}"),
            "xpu: 2 x Max 1100, 1 x Max 1101",
        ),
        (SimpleNamespace(), "xpu: 3 devices"),  # a backend that has no names, such as Metal
    ],
)
def test_accelerators_of_any_maker_are_described(monkeypatch, module, expected):
    """Asked of torch.accelerator, not of torch.cuda."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("xpu"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 3)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert describe_environment()["Accelerator"] == expected


@pytest.fixture
def precision():
    """The precision of matrix products is as before after the test."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("precision")
def test_the_precision_of_matrix_products():
    """TensorFloat-32 on GPUs that have it; without the setting it stays what it is."""
    setup_env({"matmul_precision": "high"}, "none")
    assert torch.get_float32_matmul_precision() == "high"
    setup_env({}, "none")
    assert torch.get_float32_matmul_precision() == "high"
    with pytest.raises(
        ValueError, match=r"`env_cfg\.matmul_precision` should be .*'medium'\], not 'hihg'; .*`high`"
    ):
        setup_env({"matmul_precision": "hihg"}, "none")


SCRIPT = """
import multiprocessing, sys
from eng_dist import destroy
from eng_runner.engine.environment import setup_env
setup_env({config}, "pytorch")
print(multiprocessing.get_start_method())
destroy()
"""


def start(environ, config, before=""):
    """What two new processes print, and what they warn of."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = before + SCRIPT.format(config=config)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=environ | {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    return [tuple(text.split("\n")[:-1] for text in process.communicate(timeout=60)) for process in processes]


@pytest.fixture
def environ():
    """The variables of this process, without those that say how many threads there are."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}


@pytest.mark.parametrize("config", [{}, {"mp_cfg": {"mp_start_method": "fork"}}])
def test_processes_of_one_job_warn_of_nothing_that_nobody_chose(environ, config):
    """The start method is set before the group starts, which would choose another; the first process says the rest."""
    said = "OMP_NUM_THREADS and MKL_NUM_THREADS are set to 1 for each process; set them yourself for more threads"
    first, second = start(environ, config)
    assert first == (["fork"], [said])
    assert second == (["fork"], [])


def test_a_start_method_that_is_changed_is_warned_of_once(environ):
    """It was set by the script, and the configuration asks for another."""
    before = "import multiprocessing; multiprocessing.set_start_method('spawn')\n"
    environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    first, second = start(environ, {"mp_cfg": {"mp_start_method": "forkserver"}}, before)
    assert first == (
        ["forkserver"],
        ["the multiprocessing start method changes from 'spawn' to 'forkserver' for the whole process"],
    )
    assert second == (["forkserver"], [])
