"""Save and load 400 MB next to torch.save, safetensors and torch.distributed.checkpoint: seconds, memory, waiting.

Each figure is the best of five runs, taken turn by turn, in a fresh process per way (other programs only ever make
it slower); ratios are to torch's own. `python benchmarks/checkpoint_files.py [MB]`; `BENCH_DIR` is where files go:
a folder of a disk, or `/dev/shm` for what it costs without one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

ROUNDS = 5
WAYS = ("torch", "torch + fsync", "eng", "safetensors", "eng safetensors", "dcp", "eng sharded")


def state(megabytes: int) -> dict[str, torch.Tensor]:
    """Sixteen tensors of together so many megabytes."""
    torch.manual_seed(0)
    return {f"layer{n}.weight": torch.rand(megabytes * 1_000_000 // 64) for n in range(16)}


def ways(folder: Path, way: str) -> tuple[Callable[[dict], object], Callable[[], object]]:
    """How to save a state, and how to load it back."""
    path = folder / "file.pth"
    match way:
        case "torch":
            return lambda s: torch.save(s, path), lambda: torch.load(path, weights_only=True)
        case "torch + fsync":

            def save(s: dict) -> None:
                with open(path, "wb") as file:
                    torch.save(s, file)
                    file.flush()
                    os.fsync(file.fileno())

            return save, lambda: torch.load(path, weights_only=True)
        case "eng":
            from eng_checkpoint import commit, load_file

            return lambda s: commit(folder, "file.pth", s, epoch=0, iter=0, step=0), lambda: load_file(path)
        case "eng safetensors":
            from eng_checkpoint import commit, load_file

            name = "file.safetensors"
            return lambda s: commit(folder, name, s, epoch=0, iter=0, step=0), lambda: load_file(
                folder / name
            )
        case "safetensors":
            from safetensors.torch import load_file as read
            from safetensors.torch import save_file as write

            def load() -> object:  # the library maps the file; the bytes are read when they are touched
                return {name: tensor.clone() for name, tensor in read(path).items()}

            return lambda s: write(s, path), load
        case "dcp":
            import torch.distributed.checkpoint as dcp

            empty = {name: torch.empty_like(t) for name, t in state(MEGABYTES).items()}
            target = folder / "dcp"
            return (
                lambda s: dcp.save(s, checkpoint_id=target, no_dist=True),
                lambda: dcp.load(empty, checkpoint_id=target, no_dist=True),
            )
        case "eng sharded":
            from eng_checkpoint import commit_sharded, load_sharded

            empty = {name: torch.empty_like(t) for name, t in state(MEGABYTES).items()}
            return (
                lambda s: commit_sharded(folder, "dcp", s, epoch=0, iter=0, step=0),
                lambda: load_sharded(empty, folder / "dcp"),
            )
    raise ValueError(way)


def seconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def one(way: str) -> dict[str, float]:
    """The figures of one way, measured in this process."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        save, load = ways(Path(folder), way)
        content = state(MEGABYTES)
        before = peak_megabytes()
        saving = seconds(lambda: save(content))
        more = peak_megabytes() - before
        return {"save": saving, "more": more / MEGABYTES, "load": seconds(load)}


def blocked() -> dict[str, float]:
    """How long a save in the background keeps the training, next to a copy of the same memory and to torch's."""
    import torch.distributed as dist
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions
    from torch.distributed.checkpoint.state_dict_saver import AsyncCheckpointerType

    from eng_checkpoint import BackgroundSaver, save_file

    content = state(MEGABYTES)
    target = {name: tensor.clone() for name, tensor in content.items()}

    def copy() -> None:
        for name, tensor in content.items():
            target[name].copy_(tensor)

    figures: dict[str, list[float]] = {"copy": [], "eng": [], "torch": []}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder, BackgroundSaver() as saver:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=0, world_size=1)
        writer = dcp.FileSystemWriter(f"{folder}/dcp")
        # its buffer is kept between saves, too; pinned and shared memory need an accelerator
        stager = DefaultStager(StagingOptions(False, False, False, False))
        for _ in range(ROUNDS + 1):
            figures["copy"].append(seconds(copy))
            figures["eng"].append(
                seconds(lambda: saver.submit(lambda s: save_file(s, f"{folder}/x.pth"), content))
            )
            saver.wait()
            futures = []
            figures["torch"].append(
                seconds(
                    lambda futures=futures: futures.append(
                        dcp.async_save(
                            content,
                            storage_writer=writer,
                            async_stager=stager,
                            async_checkpointer_type=AsyncCheckpointerType.THREAD,
                        )
                    )
                )
            )
            futures[0].result()
        dist.destroy_process_group()
    first = {f"{name}, first": values[0] for name, values in figures.items()}
    return first | {name: min(values[1:]) for name, values in figures.items()}


def fresh(argument: str) -> dict[str, float]:
    """The same, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, str(MEGABYTES), argument], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    """Print the tables."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            runs[way].append(fresh(way))
    figures = {
        way: {key: min(run[key] for run in all_runs) for key in all_runs[0]} for way, all_runs in runs.items()
    }
    base, flushed = figures["torch"], figures["torch + fsync"]
    place = os.environ.get("BENCH_DIR", tempfile.gettempdir())
    print(f"{MEGABYTES} MB, torch {torch.__version__}, best of {ROUNDS}, in {place}\n")
    print("| | save s | x torch | x torch + fsync | more memory, of the state | load s | x torch |")
    print("|---|---|---|---|---|---|---|")
    for way, f in figures.items():
        print(
            f"| {way} | {f['save']:.2f} | {f['save'] / base['save']:.2f} | {f['save'] / flushed['save']:.2f} | "
            f"{f['more']:.2f} | {f['load']:.2f} | {f['load'] / base['load']:.2f} |"
        )
    waits = fresh("blocked")
    print("\n| the training waits | s | x copy |\n|---|---|---|")
    for name, value in waits.items():
        print(f"| {name} | {value:.3f} | {value / waits['copy']:.2f} |")


MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 400

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if len(sys.argv) > 2:
        print(json.dumps(blocked() if sys.argv[2] == "blocked" else one(sys.argv[2])))
    else:
        main()
