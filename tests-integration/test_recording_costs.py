"""What recording may cost the training thread, in counts that do not depend on the machine."""

import pytest
from road import ROOT


@pytest.fixture(scope="module")
def counted():
    """Calls of (a raw step, a quiet iteration, a logging iteration), and what reached a backend when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import visualization

        return visualization.INTERVAL, visualization.raw_calls(), *visualization.engine_calls()


def test_a_quiet_iteration_makes_no_call_into_a_backend(counted):
    """On no thread; a logging one makes one call into each of the two."""
    interval, _, _, _, reached = counted
    assert [i for i in reached if (i + 1) % interval] == []
    assert {tuple(sorted(calls)) for calls in reached.values()} == {
        (("LocalVisBackend", "add_scalars"), ("TensorboardVisBackend", "add_scalars"))
    }


def test_a_logging_iteration_costs_at_most_three_raw_steps(counted):
    """In calls of the training thread, log line and all, with local files and TensorBoard on."""
    _, raw, quiet, loud, _ = counted
    assert quiet < loud <= 3 * raw
