"""Threads and start methods of the processes that a training starts."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from contextlib import suppress
from importlib import import_module

__all__ = [
    "set_multi_processing",
]


def set_multi_processing(
    mp_start_method: str = "fork", opencv_num_threads: int = 0, distributed: bool = False
) -> None:
    """How new processes start, and how many threads OpenCV takes, if it is there; `distributed`: OpenMP and MKL one.

    A number of threads that the environment names stays. A runner does the same from `env_cfg=dict(mp_cfg=...)`.
    """
    if sys.platform != "win32":
        current = multiprocessing.get_start_method(allow_none=True)
        if current not in (None, mp_start_method):
            warnings.warn(
                f"the multiprocessing start method changes from `{current}` to `{mp_start_method}`",
                stacklevel=2,
            )
        multiprocessing.set_start_method(mp_start_method, force=True)
    with suppress(ImportError):
        import_module("cv2").setNumThreads(opencv_num_threads)
    if distributed:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("MKL_NUM_THREADS", "1")
