"""What the log says that a run stands on."""

import platform

import torch

from eng_runner.engine.environment import describe_environment


def test_the_description(monkeypatch):
    """Versions, cores, memory and the threads that were asked for; nothing that is not there."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    facts = describe_environment()
    assert facts["Python"].startswith(platform.python_version())
    assert facts["PyTorch"] == torch.__version__
    assert facts["CPU"].endswith("GiB memory")
    assert facts["Threads"] == "OMP_NUM_THREADS=3"
    assert ("GPU" in facts) == torch.cuda.is_available()
    assert "" not in facts.values()
