"""Tests of `eng_evaluator.gather`: what crosses from rank to rank comes out equal."""

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from eng_evaluator.gather import gather_parts, to_cpu

Box = namedtuple("Box", ["corners", "score"])


def test_to_cpu_goes_through_everything() -> None:
    """And keeps the kinds of containers."""
    data = {"a": [Box(torch.ones(1, requires_grad=True), 2)], "b": (torch.ones(1), "text"), "c": None}
    moved = to_cpu(data)
    assert type(moved["a"][0]) is Box
    assert not moved["a"][0].corners.requires_grad
    assert moved["b"] == data["b"]
    assert moved["c"] is None


def gathered(rank: int, folder: str | None) -> Any:
    return gather_parts({"rank": rank, "tensor": torch.full((2,), rank)}, folder=folder)


@pytest.mark.parametrize("with_files", [False, True])
def test_the_main_process_gets_the_parts_in_order(with_files: bool, tmp_path: Path) -> None:
    """Through the process group, or through files; the others get nothing."""
    folder = str(tmp_path / "shared") if with_files else None
    parts, nothing = on_ranks(2, gathered, tmp_path, folder)
    assert nothing is None
    assert [part["rank"] for part in parts] == [0, 1]
    assert [part["tensor"].tolist() for part in parts] == [[0, 0], [1, 1]]
