"""The process that training runs in: launcher, limits, seeds, and a description of it for the log."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections import Counter
from importlib import metadata

import torch
import torch.multiprocessing

from eng_dist import get_rank, init_dist, is_distributed, seed_everything, sync_random_seed

from .aliases import Settings

if sys.platform != "win32":
    import resource

_log = logging.getLogger(__name__)


def setup_env(env_cfg: Settings, launcher: str) -> None:
    """Join the process group and apply `env_cfg`.

    Known keys: `cudnn_benchmark`, `mp_cfg` (`mp_start_method`, `opencv_num_threads`), `dist_cfg` (`backend`,
    `timeout` in seconds, ...; a top-level `backend` counts too), `resource_limit` (open files).
    """
    torch.backends.cudnn.benchmark = bool(env_cfg.get("cudnn_benchmark", False))
    if launcher != "none" and not is_distributed():
        dist_cfg = dict(env_cfg.get("dist_cfg") or {})
        dist_cfg.setdefault("backend", env_cfg.get("backend"))
        init_dist(launcher, **dist_cfg)
    _setup_multiprocessing(env_cfg.get("mp_cfg") or {}, distributed=is_distributed())
    _raise_file_limit(int(env_cfg.get("resource_limit", 4096)))


def _setup_multiprocessing(mp_cfg: Settings, *, distributed: bool) -> None:
    method = mp_cfg.get("mp_start_method", "fork" if sys.platform == "linux" else None)
    if method is not None:
        current = torch.multiprocessing.get_start_method(allow_none=True)
        if current not in (None, method):
            _log.warning(
                "the multiprocessing start method changes from %r to %r for the whole process",
                current,
                method,
            )
        torch.multiprocessing.set_start_method(method, force=True)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(int(mp_cfg.get("opencv_num_threads", 0)))
    if distributed:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            if name not in os.environ:
                os.environ[name] = "1"
                _log.warning("%s is set to 1 for each process; set it yourself for more threads", name)


def _raise_file_limit(wanted: int) -> None:
    if sys.platform == "win32":  # has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))


def set_random_seed(
    seed: int | None = None,
    deterministic: bool = False,
    diff_rank_seed: bool = False,
    *,
    place: int | None = None,
) -> int:
    """Seed python, numpy, torch and all devices; returns the seed, drawn and agreed on by all ranks if None.

    `diff_rank_seed` adds `place`, by default the rank, so that dropout differs between processes that read different
    samples. Processes that compute one layer together read the same samples: they have the same place, and must draw
    the same numbers. `deterministic` asks torch for deterministic algorithms and switches the cudnn benchmark off.
    """
    if seed is None:
        seed = sync_random_seed()
    if deterministic and torch.backends.cudnn.benchmark:
        _log.warning("cudnn_benchmark is switched off, because a deterministic run was asked for")
    own = (get_rank() if place is None else place) if diff_rank_seed else 0
    seed_everything(seed + own, deterministic=deterministic)
    return seed


def describe_environment() -> dict[str, str]:
    """What the run stands on: system, Python, torch, devices, threads, memory. Nothing is imported for it."""
    facts = {
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_version()} ({sys.platform}), {sys.executable}",
        "PyTorch": torch.__version__,
        **{label: _version(name) for label, name in (("NumPy", "numpy"), ("TorchVision", "torchvision"))},
        "CPU": f"{os.cpu_count()} cores, {torch.get_num_threads()} torch threads{_memory()}",
    }
    if torch.cuda.is_available():
        names = Counter(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        facts["GPU"] = ", ".join(f"{count} x {name}" for name, count in names.items())
        facts["CUDA"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # type: ignore[no-untyped-call]
    threads = {
        name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ
    }
    if threads:
        facts["Threads"] = ", ".join(f"{name}={value}" for name, value in threads.items())
    return {name: fact for name, fact in facts.items() if fact}


def _version(distribution: str) -> str:
    """The version of an installed package, from its metadata; nothing where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _memory() -> str:
    """The memory of the machine, where the system says."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return ""
    return f", {total / 2**30:.0f} GiB memory"
