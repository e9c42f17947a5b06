"""Hooks stand in order and cost nothing where they do nothing."""

import pytest

from eng_runner import Hook, Priority, get_priority
from eng_runner.engine.hook_list import Hooks


class AtTrainIter(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        runner.append(self)


class AtAnyIter(Hook):
    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode="train"):
        runner.append((self, mode))


class Shy(AtTrainIter):
    def takes_part(self, point, runner):
        return False


def test_overridden_points_are_the_triggered_stages():
    """A generic method stands for all of its modes."""
    assert AtTrainIter().get_triggered_stages() == ["after_train_iter"]
    assert AtAnyIter().get_triggered_stages() == ["after_train_iter", "after_val_iter", "after_test_iter"]
    assert Hook().get_triggered_stages() == []


def test_only_hooks_that_do_something_are_bound():
    """A point without takers is an empty tuple."""
    hooks = Hooks()
    hooks.register(Hook())
    hooks.register(Shy())
    assert hooks.bind("after_train_iter", None) == ()
    hooks.register(AtTrainIter())
    assert len(hooks.bind("after_train_iter", None)) == 1


def test_priority_then_registration_decides_the_order():
    """Equal priority: later registered runs later."""
    hooks, calls = Hooks(), []
    first, second, early = AtTrainIter(), AtTrainIter(), AtTrainIter()
    for hook, priority in ((first, None), (second, "NORMAL"), (early, "HIGH")):
        hooks.register(hook, priority)
    hooks.call("after_train_iter", calls, batch_idx=0)
    assert calls == [early, first, second]


def test_a_generic_method_knows_its_mode():
    """`_after_iter` is called for each mode with its name."""
    hooks, calls, hook = Hooks(), [], AtAnyIter()
    hooks.register(hook)
    hooks.call("after_val_iter", calls, batch_idx=0)
    assert calls == [(hook, "val")]


def test_a_point_of_ones_own_is_called_where_it_exists():
    """A custom loop may call a point that only some hooks have."""

    class Own(Hook):
        def when_ready(self, runner, what):
            runner.append(what)

    hooks, calls = Hooks(), []
    hooks.register(Own())
    hooks.register(Hook())
    hooks.call("when_ready", calls, what=3)
    assert calls == [3]


def test_names_are_unique():
    """Two hooks of a class keep two states."""
    hooks = Hooks()
    for _ in range(3):
        hooks.register(AtTrainIter())
    assert list(hooks.named()) == ["AtTrainIter", "AtTrainIter.2", "AtTrainIter.3"]


def test_priorities():
    """Numbers, names in any case and members."""
    assert [get_priority(p) for p in (0, 55, "low", "VERY_HIGH", Priority.NORMAL)] == [0, 55, 70, 10, 50]


@pytest.mark.parametrize(
    ("priority", "error"), [(101, ValueError), (-1, ValueError), ("soon", KeyError), (1.5, TypeError)]
)
def test_wrong_priorities(priority, error):
    """Out of range, unknown, of another type."""
    with pytest.raises(error):
        get_priority(priority)


class FakeRun:
    epoch, iter, max_epochs, max_iters = 4, 9, 5, 10


def test_questions_count_from_one():
    """The fifth epoch has index 4."""
    hook, run = Hook(), FakeRun()
    assert hook.every_n_epochs(run, 5)
    assert not hook.every_n_epochs(run, 2)
    assert hook.every_n_epochs(run, 2, start=1)
    assert not hook.every_n_epochs(run, 0)
    assert hook.every_n_train_iters(run, 10)
    assert hook.every_n_inner_iters(3, 2)
    assert not hook.every_n_inner_iters(3, -1)
    assert hook.end_of_epoch(range(4), 3)
    assert hook.is_last_train_epoch(run)
    assert hook.is_last_train_iter(run)


def test_a_point_that_is_misspelled_is_told(caplog):
    """It would never be called; a point of one's own that looks like none is let pass."""

    class Mistaken(Hook):
        def after_train_itr(self, runner):
            pass

        def before_lunch(self, runner):
            pass

    with caplog.at_level("WARNING"):
        Hooks().register(Mistaken())
    (message,) = caplog.messages
    assert message == "Mistaken.after_train_itr is called by no loop; did you mean `after_train_iter`?"
