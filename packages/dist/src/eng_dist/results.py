"""The results of all ranks in one list, in the order of the data set.

A strided sampler gives rank r the samples r, r + W, r + 2W, ...; dealing the parts out one by one puts
them back in order. This holds where each rank stores one result per sample.
"""

import hashlib
import pickle
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from eng_dist.collectives import barrier
from eng_dist.environment import get_rank, get_world_size
from eng_dist.objects import gather_object

T = TypeVar("T")

_MISSING = object()


def collect_results(
    results: list[T], size: int, device: str = "cpu", tmpdir: str | None = None
) -> list[T] | None:
    """On rank 0 the results of all ranks, interleaved and cut to `size`; None on the others.

    `size` is the number of samples: results beyond it are padding of the sampler. With `tmpdir` (only
    for ``device='cpu'``) the parts travel as files in that folder, which all ranks must see; else
    through the process group. Results are pickled: for ranks of the same job only.

    >>> collect_results(['a', 'b', 'c'], 2)
    ['a', 'b']

    Raises:
        NotImplementedError: `device` is not one of cpu, gpu, npu.
    """
    if device == "cpu":
        return collect_results_cpu(results, size, tmpdir)
    if device not in ("gpu", "npu"):
        raise NotImplementedError(f"results are collected on 'cpu', 'gpu' or 'npu', not on {device!r}")
    assert tmpdir is None, f"tmpdir={tmpdir!r} is for device='cpu'; through {device!r} no file is written"
    return collect_results_gpu(results, size)


def collect_results_cpu(result_part: list[T], size: int, tmpdir: str | None = None) -> list[T] | None:
    """`collect_results` through the process group, or through files in `tmpdir` where it is given.

    Raises:
        FileNotFoundError: `tmpdir` is not one folder for all ranks.
    """
    if tmpdir is None or get_world_size() == 1:
        return collect_results_gpu(result_part, size)
    return _collect_in_files(result_part, size, Path(tmpdir))


def collect_results_gpu(result_part: list[T], size: int) -> list[T] | None:
    """`collect_results` through the process group, whatever its backend."""
    if get_world_size() == 1:
        return result_part[:size]
    parts = gather_object(result_part)
    return None if parts is None else interleave(parts)[:size]


def interleave(parts: Sequence[Sequence[T]]) -> list[T]:
    """The first of each part, the second of each, and so on; None is dropped.

    >>> interleave([['a', 'c', 'e'], ['b', 'd']])
    ['a', 'b', 'c', 'd', 'e']
    """
    rows = zip_longest(*parts, fillvalue=_MISSING)
    return [item for row in rows for item in row if item is not _MISSING and item is not None]  # type: ignore[misc]


def _collect_in_files(result_part: list[T], size: int, folder: Path) -> list[T] | None:
    """Each rank writes a file; rank 0 reads those whose digest its writer has told it over the group."""
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / f"part_{get_rank()}.pkl"
    content = pickle.dumps(result_part, protocol=pickle.HIGHEST_PROTOCOL)
    mine.write_bytes(content)
    digests = gather_object(hashlib.sha256(content).hexdigest())
    del content
    try:
        if digests is None:
            return None
        return interleave([_read_part(folder / f"part_{rank}.pkl", d) for rank, d in enumerate(digests)])[
            :size
        ]
    finally:
        barrier()
        mine.unlink(missing_ok=True)


def _read_part(path: Path, digest: str) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: tmpdir must be one folder that all ranks share; "
            "leave tmpdir out to collect without files"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} is not what its rank has written; nothing of it was read")
    return pickle.loads(content)
