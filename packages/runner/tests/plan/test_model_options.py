"""What a compiled step returns belongs to the run, also where its memory is used again in the next step."""

import pytest
import torch

from eng_config import Config
from eng_runner.plan.model_options import ModelOptions, uses_cuda_graphs

GRAPHS = [
    {"mode": "reduce-overhead"},
    {"mode": "max-autotune"},
    {"backend": "cudagraphs"},
    {"options": {"triton.cudagraphs": True}},
]
NO_GRAPHS = [
    True,
    {},
    {"mode": "default"},
    {"mode": "max-autotune-no-cudagraphs"},
    {"backend": "eager"},
    {"options": {"triton.cudagraphs": False}},
]


@pytest.mark.parametrize("options", GRAPHS)
def test_what_replays_graphs(options):
    """By a mode, a backend or an option of torch.compile."""
    assert uses_cuda_graphs(options)


@pytest.mark.parametrize("options", NO_GRAPHS)
def test_what_replays_none(options):
    """Nothing is copied there."""
    assert not uses_cuda_graphs({} if options is True else options)


def static_step():
    """A step that returns the same memory each time, as the replay of a CUDA graph does."""
    memory, count = torch.zeros(()), torch.zeros(())

    def step(data, optim_wrapper=None):
        count.add_(data)
        memory.copy_(count)
        return {"loss": memory, "parts": [memory], "n": 3}

    return step


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scalars_outlive_the_next_replay():
    """They are looked at when a log line is due, iterations later."""
    options = ModelOptions.of({"compile": {"backend": "eager", "mode": "reduce-overhead"}}, Config())
    step = options.compiled(static_step())
    returned = [step(torch.ones(()), optim_wrapper=None) for _ in range(3)]
    assert [each["loss"].item() for each in returned] == [1.0, 2.0, 3.0]
    assert [each["parts"][0].item() for each in returned] == [1.0, 2.0, 3.0]
    assert returned[0]["n"] == 3


def test_without_graphs_a_step_returns_what_it_returned():
    """No launch is added to it."""
    plain = static_step()
    assert ModelOptions.of({}, Config()).compiled(plain) is plain
    step = ModelOptions.of({"compile": {"backend": "eager"}}, Config()).compiled(static_step())
    first, second = step(torch.ones(())), step(torch.ones(()))
    assert first["loss"] is second["loss"]
