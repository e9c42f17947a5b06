"""All ranks stop after the same step, whoever wishes it and whenever."""

import random
import time
from typing import Any

import pytest
import torch

from eng_dist import StopAgreement, all_reduce, get_rank


def train(wishing_rank: int, wish_at: int, *, steps: int = 400) -> tuple[int, str]:
    """Steps with a collective each, as gradients are averaged; one rank asks to stop before a step."""
    done = 0
    pause = random.Random(get_rank())
    with StopAgreement(lambda: done, interval=0.02) as agreement:
        while done < steps:
            if get_rank() == wishing_rank and done == wish_at:
                agreement.request("SIGTERM")
            time.sleep(pause.random() / 200)
            all_reduce(torch.ones(1))
            done += 1
            if agreement.requested and done == agreement.last_step():
                break
    return done, agreement.reason


@pytest.mark.parametrize("wishing_rank", [0, 1, 2])
def test_all_stop_after_the_same_step(run: Any, wishing_rank: int) -> None:
    """The wish of any rank ends all of them soon, together."""
    ended = run(lambda: train(wishing_rank, 5), world_size=3)
    assert len(set(ended)) == 1
    done, reason = ended[0]
    assert 5 < done < 400
    assert reason == "SIGTERM"


def test_a_wish_at_the_very_end(run: Any) -> None:
    """A rank that has taken its last step does not keep the others waiting."""
    ended = run(lambda: train(1, 3, steps=4))
    assert [done for done, _ in ended] == [4, 4]


def test_alone_it_is_a_flag() -> None:
    """In one process nothing is asked and nothing is waited for."""
    done = 0
    with StopAgreement(lambda: done) as agreement:
        assert not agreement.requested
        done = 3
        agreement.request("SIGINT")
        agreement.request("SIGTERM")
        assert agreement.requested
        assert agreement.reason == "SIGINT"
        assert agreement.last_step() == 3
