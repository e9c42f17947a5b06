"""An error of the allocator comes with what took the memory, and with what to try."""

import pytest
import torch
from toy_training import Line, toy_runner

from eng_runner.engine.out_of_memory import explain_out_of_memory


class Hungry(Line):
    """A line with a weight of a mebibyte, for which there is no memory in its fourth batch."""

    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Parameter(torch.zeros(2**18))
        self.batches = 0

    def forward(self, x, y, mode):
        self.batches += mode == "loss"
        if self.batches == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(x + self.wide.sum(), y, mode)


@pytest.mark.parametrize(
    ("options", "advised"),
    [
        ({}, ["batch_size", "activation_checkpointing", "bfloat16", "FSDPStrategy"]),
        (
            {
                "optim_wrapper": {
                    "type": "AmpOptimWrapper",
                    "dtype": "bfloat16",
                    "optimizer": {"type": "AdamW"},
                }
            },
            ["batch_size", "activation_checkpointing", "FSDPStrategy"],
        ),
    ],
)
def test_what_took_the_memory_and_what_helps(tmp_path, options, advised):
    """What is in use already is not advised."""
    adamw = {"optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.1}}}
    runner = toy_runner(tmp_path, model=Hungry(), val=False, **{**adamw, **options})
    with pytest.raises(torch.OutOfMemoryError) as caught:
        runner.train()
    note = next(text for text in caught.value.__notes__ if "out of memory" in text)
    first, _, *tries = note.splitlines()
    assert "after iteration 3" in first
    assert "weights and buffers 0.00 GiB" in first
    assert "state of the optimizer 0.00 GiB" in first
    assert len(tries) == len(advised)
    assert all(word in line for word, line in zip(advised, tries, strict=True))
    assert "(it is 4)" in tries[0]


def test_the_memory_of_a_run_is_counted(tmp_path):
    """Weights, gradients and two moments of AdamW, in GiB."""
    runner = toy_runner(tmp_path, model=Hungry(), val=False, optim_wrapper={"optimizer": {"type": "AdamW"}})
    runner.bare_model.wide = torch.nn.Parameter(torch.zeros(2**27))
    runner.optim_wrapper.optimizer.state[runner.bare_model.wide] = {"exp_avg": torch.zeros(2**27)}
    runner.bare_model.wide.grad = torch.zeros(2**27)
    error = torch.OutOfMemoryError("CUDA out of memory")
    explain_out_of_memory(error, runner)
    assert (
        "weights and buffers 0.50 GiB, gradients 0.50 GiB, state of the optimizer 0.50 GiB"
        in error.__notes__[0]
    )


def test_a_test_alone_has_no_optimizer_to_speak_of(tmp_path):
    """Nothing is built for the sake of a note."""
    runner = toy_runner(tmp_path)
    error = torch.OutOfMemoryError("CUDA out of memory")
    explain_out_of_memory(error, runner)
    assert "state of the optimizer 0.00 GiB" in error.__notes__[0]
    assert runner.built("optim_wrapper") is None
