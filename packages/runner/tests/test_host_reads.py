"""How often a whole run waits for its device: never in a quiet iteration, once for a log line."""

import pytest
from waits_of_a_run import FIRST_ROW, TABLE, measured


@pytest.mark.parametrize("name", TABLE)
def test_a_quiet_iteration_and_a_batch_to_validate_wait_for_nothing(tmp_path, name):
    """With the default hooks, and with what is configured besides; metrics are read once, at the end."""
    given, others = TABLE[name]
    expected = FIRST_ROW | others
    waits = measured(tmp_path, **given)
    for phase in ("quiet", "val", "metrics"):
        assert waits[phase].total() == expected[phase], (phase, waits[phase])


@pytest.mark.xfail(
    reason="RuntimeInfoHook hands scalars to the history one by one, and EMAHook copies the average to be saved",
    strict=False,
)
@pytest.mark.parametrize("name", TABLE)
def test_a_log_line_reads_all_scalars_at_once(tmp_path, name):
    """And a save what it has to know beside the state."""
    given, others = TABLE[name]
    expected = FIRST_ROW | others
    waits = measured(tmp_path, **given)
    for phase in ("log", "save"):
        assert waits[phase].total() == expected[phase], (phase, waits[phase])
