import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eng_dist import collect_results, collect_results_cpu, collect_results_gpu, get_rank

Run = Callable[..., list[Any]]


@pytest.mark.parametrize("collect", [collect_results, collect_results_cpu, collect_results_gpu])
def test_one_process_cuts_to_the_size_of_the_data_set(collect: Callable[..., Any]) -> None:
    """As if the sampler had padded."""
    assert collect(["a", "b", "c"], 2) == ["a", "b"]


@pytest.mark.parametrize("device", ["cpu", "gpu", "npu"])
def test_parts_of_two_ranks_are_interleaved_without_none_and_padding(run: Run, device: str) -> None:
    """The strided order is the order of the data set again; parts may differ in length; rank 1 gets None."""
    parts = [["0", "2", "4", "6"], ["1", None, "5", "0 again"]]
    assert run(lambda: collect_results(parts[get_rank()], 6, device)) == [
        ["0", "1", "2", "4", "5", "6"],
        None,
    ]


def test_parts_of_unlike_length_are_all_there(run: Run) -> None:
    """A rank may have seen nothing."""
    assert run(lambda: collect_results([[0, 1, 2], []][get_rank()], 3)) == [[0, 1, 2], None]


def test_files_in_a_shared_folder_do_the_same_and_are_gone_afterwards(run: Run, tmp_path: Path) -> None:
    """A folder that somebody else made stays, with what else is in it."""
    (tmp_path / "other.txt").write_text("mine")
    assert run(lambda: collect_results([[0, 2], [1]][get_rank()], 3, tmpdir=str(tmp_path))) == [
        [0, 1, 2],
        None,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


def test_a_folder_that_is_not_shared_is_named(run: Run, tmp_path: Path) -> None:
    """Two machines with a folder of the same name each."""
    reading, _ = run(lambda: collect_results([get_rank()], 2, tmpdir=str(tmp_path / str(get_rank()))))
    assert isinstance(reading, FileNotFoundError)
    assert "tmpdir must be one folder that all ranks share" in str(reading)


def test_a_part_that_its_rank_has_not_written_is_not_unpickled(run: Run, tmp_path: Path) -> None:
    """Who can write into the folder cannot run code in rank 0."""
    planted = tmp_path / "part_1.pkl"
    harm = tmp_path / "harm"

    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(harm),)

    def body() -> Any:
        if get_rank() == 1:
            write = Path.write_bytes

            def write_then_swap(self: Path, content: bytes) -> int:
                return write(self, pickle.dumps(Payload()) if self == planted else content)

            Path.write_bytes = write_then_swap  # type: ignore[method-assign,assignment]
        return collect_results([get_rank()], 2, tmpdir=str(tmp_path))

    reading, _ = run(body)
    assert isinstance(reading, ValueError)
    assert "is not what its rank has written; nothing of it was read" in str(reading)
    assert not harm.exists()


def test_where_results_can_be_collected_is_said() -> None:
    """A wrong device, or a folder for a device that needs none."""
    with pytest.raises(NotImplementedError, match="'cpu', 'gpu' or 'npu', not on 'tpu'"):
        collect_results([1], 1, "tpu")
    with pytest.raises(AssertionError, match="is for device='cpu'"):
        collect_results([1], 1, "gpu", tmpdir="x")
