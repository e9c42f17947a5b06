"""Evaluating a file again under overrides."""

import pytest

from eng_config import Config, parse_overrides

FILES = {
    "base_py": "lr = 0.1\nbatch = 4\noptimizer = dict(type='SGD', lr=lr, sizes=[batch, 2 * batch])\n",
    "child_py": """
    _base_ = './base.py'
    warmup = dict(start=_base_.lr / 10)
    again = {{_base_.optimizer.sizes}}
    name = f'run-{warmup["start"]}'
    """,
}


@pytest.mark.parametrize("trust", [True, False])
def test_recompute_evaluates_the_file_again(on_disk, trust):
    """With the new value from the line that sets it, in the base and in the child."""
    cfg = Config.fromfile(on_disk(**FILES), trust=trust)
    cfg.merge_from_dict(parse_overrides(["lr=0.5", "optimizer.sizes.1=3"]), recompute=True)
    assert cfg.to_dict() == {
        "lr": 0.5,
        "batch": 4,
        "optimizer": {"type": "SGD", "lr": 0.5, "sizes": [4, 3]},
        "warmup": {"start": 0.05},
        "again": [4, 3],
        "name": "run-0.05",
    }
    assert str(cfg.origin("lr")) == "<command line>:1"
    cfg.merge_from_dict({"batch": 1}, recompute=True)
    assert (cfg.lr, cfg.optimizer.sizes) == (0.5, [1, 3])


def test_recompute_in_the_import_style(on_disk):
    """The same, there."""
    cfg = Config.fromfile(
        on_disk(
            base_py="lr = 0.1\nopt = dict(lr=lr)\n",
            child_py="from eng_config import read_base\nwith read_base():\n    from .base import *\nhalf = lr / 2\n",
        )
    )
    cfg.merge_from_dict({"lr": 1.0}, recompute=True)
    assert (cfg.lr, cfg.opt.lr, cfg.half) == (1.0, 1.0, 0.5)


def test_recompute_would_lose_changes_by_code(on_disk):
    """So it refuses, and changes nothing."""
    cfg = Config.fromfile(on_disk(**FILES))
    cfg.batch = 7
    with pytest.raises(ValueError, match="evaluating it again would lose that"):
        cfg.merge_from_dict({"lr": 1.0}, recompute=True)
    assert (cfg.lr, cfg.batch) == (0.1, 7)
    with pytest.raises(ValueError, match="read from a file"):
        Config({"a": 1}).merge_from_dict({"a": 2}, recompute=True)
