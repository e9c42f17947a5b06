"""What a check is, and what it may ask of its device."""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

CHECKS: dict[str, Check] = {}
"""Every check by its name, in the order of the files that import this module."""


class Failed(AssertionError):
    """The product does not do what it should; the text says what it does."""


class Skipped(Exception):
    """The check has nothing to do on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """A function, and how many seconds it may take."""

    run: Callable[[Device], str]
    seconds: float


def check(seconds: float) -> Callable[[Callable[[Device], str]], Callable[[Device], str]]:
    """Enter a function in the list, under its name."""

    def enter(run: Callable[[Device], str]) -> Callable[[Device], str]:
        CHECKS[run.__name__] = Check(run, seconds)
        return run

    return enter


def need(is_so: bool, text: str) -> None:
    """Raise Failed with this text unless it is so."""
    if not is_so:
        raise Failed(text)


@dataclass(frozen=True, slots=True)
class Device:
    """The accelerator that is checked, or the CPU in a dry run, where there is less of everything."""

    kind: str

    @property
    def is_dry(self) -> bool:
        """Whether nothing is proved: the code runs, and has no mistake that shows without an accelerator."""
        return self.kind == "cpu"

    def size(self, on_accelerator: int, dry: int) -> int:
        """Return a size that suits the device."""
        return dry if self.is_dry else on_accelerator

    def wait(self) -> None:
        """Wait until the device has done all that it was given."""
        if not self.is_dry:
            torch.accelerator.synchronize()

    @contextmanager
    def counted_waits(self) -> Iterator[Counter[str]]:
        """Count where the host waits for the device meanwhile; CUDA reports it, other devices report nothing."""
        places: Counter[str] = Counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with self.watched():
                yield places
        for each in caught:
            if "synchronizing CUDA" in str(each.message):
                path = Path(each.filename)
                places[f"{path.parent.name}/{path.name}:{each.lineno}"] += 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let CUDA warn of every wait meanwhile."""
        set_mode = torch.cuda.set_sync_debug_mode if self.kind == "cuda" else lambda mode: None
        set_mode("warn")
        try:
            yield
        finally:
            set_mode("default")

    def peak_mib(self, *, reset: bool = False) -> float:
        """Return the peak of the memory that tensors took; 0 on a CPU."""
        if self.is_dry:
            return 0.0
        peak = torch.accelerator.max_memory_allocated() / 2**20
        if reset:
            torch.accelerator.reset_peak_memory_stats()
        return peak


def arguments() -> argparse.ArgumentParser:
    """The command line, which a process that runs one check gets as well."""
    parser = argparse.ArgumentParser(description="Check a training on an accelerator.")
    parser.add_argument("names", nargs="*", help="only checks whose name contains one of these")
    parser.add_argument(
        "--cpu", action="store_true", help="dry run without an accelerator: the code, not the device"
    )
    parser.add_argument(
        "--source", action="store_true", help="use the packages of this checkout, installed or not"
    )
    parser.add_argument("--seconds", type=float, default=470.0, help="for all checks together")
    parser.add_argument("--report", type=Path, help="write the figures as Markdown")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser
