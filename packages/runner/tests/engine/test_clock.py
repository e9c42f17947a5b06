"""The clock counts what is complete and carries it through a state."""

from eng_runner import Clock


def test_a_state_restores_all_four_counters():
    """state_dict and load_state_dict are inverse."""
    clock = Clock(epoch=1, iter=20, step=10, samples=640)
    other = Clock()
    other.load_state_dict(clock.state_dict())
    assert other == clock


def test_an_absent_counter_is_zero():
    """A checkpoint of another engine may know only epoch and iteration."""
    clock = Clock(step=7)
    clock.load_state_dict({"epoch": 2, "iter": 5})
    assert clock == Clock(epoch=2, iter=5, step=0, samples=0)
