"""What a bug report should say about the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import OrderedDict, defaultdict
from importlib.metadata import PackageNotFoundError, version

import torch
from torch.utils.cpp_extension import CUDA_HOME

from .versions import __version__

__all__ = [
    "collect_env",
]


def collect_env() -> OrderedDict[str, str | bool]:
    """Platform, Python, devices, compilers and versions, in the order to print them."""
    facts: OrderedDict[str, str | bool] = OrderedDict()
    facts["sys.platform"] = sys.platform
    facts["Python"] = sys.version.replace("\n", "")
    facts["CUDA available"] = torch.cuda.is_available()
    for names, indices in _gpus().items():
        facts[f"GPU {','.join(indices)}"] = names
    if torch.cuda.is_available():
        facts["CUDA_HOME"] = CUDA_HOME or "None"
        nvcc = os.path.join(CUDA_HOME, "bin", "nvcc") if CUDA_HOME else "nvcc"
        facts["NVCC"] = _last_line(nvcc, "-V")
    facts["GCC"] = _first_line("gcc", "--version")
    facts["PyTorch"] = torch.__version__
    facts["PyTorch compiling details"] = torch.__config__.show()
    for title, distributions in {
        "TorchVision": ["torchvision"],
        "OpenCV": ["opencv-python", "opencv-python-headless", "opencv-contrib-python"],
    }.items():
        found = [text for name in distributions if (text := _version(name))]
        if found:
            facts[title] = found[0]
    facts["MMEngine"] = f"{__version__} (eng-runner {_version('eng-runner')})"
    return facts


def _gpus() -> dict[str, list[str]]:
    """Names of GPUs -> the numbers of those that are called so."""
    names: dict[str, list[str]] = defaultdict(list)
    for index in range(torch.cuda.device_count()):
        names[torch.cuda.get_device_name(index)].append(str(index))
    return names


def _lines(program: str, option: str) -> list[str]:
    if shutil.which(program) is None:
        return []
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()


def _first_line(program: str, option: str) -> str:
    return next(iter(_lines(program, option)), "Not Available")


def _last_line(program: str, option: str) -> str:
    return next(reversed(_lines(program, option)), "Not Available")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
