"""Checkpoints by the clock on the wall, which all processes have to hear of from one."""

import time

from toy_training import toy_runner

from eng_checkpoint import entries
from eng_runner import Hook


class Slow(Hook):
    """Makes a training of about a second."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        time.sleep(0.05)


def test_a_save_every_so_many_seconds(tmp_path, capsys):
    """At the end of the iteration that is under way, once for each ring; the run goes on to its end."""
    runner = toy_runner(
        tmp_path,
        val=False,
        log_level="INFO",
        default_hooks={"checkpoint": {"interval": "0.3 s", "by_epoch": False, "save_last": False}},
        custom_hooks=[Slow()],
    )
    runner.train()
    out = capsys.readouterr().out
    rings = out.count("saved ")
    assert runner.clock.iter == 24
    assert rings >= 2
    assert "Saving checkpoint at" not in out  # nobody else has a clock of its own
    assert len(entries(tmp_path)) == rings
