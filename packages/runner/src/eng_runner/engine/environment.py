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

from eng_dist import (
    get_rank,
    init_dist,
    is_distributed,
    is_main_process,
    seed_everything,
    sync_random_seed,
)
from eng_registry import suggest

from .aliases import Settings

if sys.platform != "win32":
    import resource

_log = logging.getLogger(__name__)


PRECISIONS = ("highest", "high", "medium")
"""How exact matrix products of float32 are: `torch.set_float32_matmul_precision` says what each of them means."""


def setup_env(env_cfg: Settings, launcher: str) -> None:
    """Join the process group and apply `env_cfg`.

    Known keys: `cudnn_benchmark`, `matmul_precision` (`'high'` for TensorFloat-32 on GPUs that have it), `mp_cfg`
    (`mp_start_method`, `opencv_num_threads`), `dist_cfg` (`backend`, `timeout` in seconds, ...; a top-level `backend`
    counts too), `resource_limit` (open files). Raises ValueError for a precision that torch does not have.
    """
    torch.backends.cudnn.benchmark = bool(env_cfg.get("cudnn_benchmark", False))
    _set_matmul_precision(env_cfg.get("matmul_precision"))
    mp_cfg = env_cfg.get("mp_cfg") or {}
    replaced = _set_start_method(mp_cfg)
    if launcher != "none" and not is_distributed():
        dist_cfg = dict(env_cfg.get("dist_cfg") or {})
        dist_cfg.setdefault("backend", env_cfg.get("backend"))
        init_dist(launcher, **dist_cfg)
    if replaced is not None and is_main_process():
        _log.warning(
            "the multiprocessing start method changes from %r to %r for the whole process",
            replaced,
            torch.multiprocessing.get_start_method(),
        )
    _limit_threads(mp_cfg)
    _raise_file_limit(int(env_cfg.get("resource_limit", 4096)))


def _set_matmul_precision(precision: str | None) -> None:
    if precision is None:
        return
    if precision not in PRECISIONS:
        meant = suggest(str(precision), [*PRECISIONS])
        raise ValueError(
            f"`env_cfg.matmul_precision` should be one of {[*PRECISIONS]}, not {precision!r}"
            f"{f'; {meant}' if meant else ''}"
        )
    torch.set_float32_matmul_precision(precision)


def _set_start_method(mp_cfg: Settings) -> str | None:
    """Set how worker processes start; returns the method that somebody had set before, if it was another one.

    This comes before the process group, which sets a method where there is none.
    """
    method = mp_cfg.get("mp_start_method", "fork" if sys.platform == "linux" else None)
    before = torch.multiprocessing.get_start_method(allow_none=True)
    if method is None or method == before:
        return None
    torch.multiprocessing.set_start_method(method, force=True)
    return before


def _limit_threads(mp_cfg: Settings) -> None:
    """Keep the processes of one machine from taking each other's cores."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(int(mp_cfg.get("opencv_num_threads", 0)))
    if not is_distributed():
        return
    unset = [name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    if unset and is_main_process():
        are, them = ("are", "them") if len(unset) > 1 else ("is", "it")
        _log.warning(
            "%s %s set to 1 for each process; set %s yourself for more threads",
            " and ".join(unset),
            are,
            them,
        )


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
    if torch.accelerator.is_available():
        facts["Accelerator"] = _accelerators()
    if torch.cuda.is_available():
        facts["CUDA"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # type: ignore[no-untyped-call]
    threads = {
        name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ
    }
    if threads:
        facts["Threads"] = ", ".join(f"{name}={value}" for name, value in threads.items())
    return {name: fact for name, fact in facts.items() if fact}


def _accelerators() -> str:
    """How many accelerators this process sees, and what they are called where their backend says."""
    count, kind = torch.accelerator.device_count(), torch.accelerator.current_accelerator()
    name_of = getattr(torch.get_device_module(kind), "get_device_name", None)
    if name_of is None:
        return f"{kind}: {count} device{'s' * (count > 1)}"
    names = Counter(str(name_of(index)) for index in range(count))
    return f"{kind}: {', '.join(f'{number} x {name}' for name, number in names.items())}"


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
