import threading
from contextvars import copy_context

import pytest

from eng_logging import ManagerMixin


def make_class():
    class Board(ManagerMixin):
        def __init__(self, name="", size=1):
            super().__init__(name)
            self.size = size

    return Board


def test_an_instance_is_made_once_and_found_by_name():
    """The first call makes it, later calls find it."""
    board_class = make_class()
    board = board_class.get_instance("a", size=3)
    assert board.size == 3
    assert board.instance_name == "a"
    assert board_class.get_instance("a") is board
    assert board_class.check_instance_created("a")
    assert not board_class.check_instance_created("b")


def test_arguments_for_an_existing_instance_are_ignored_aloud():
    """They cannot be honoured, so they are warned about."""
    board_class = make_class()
    board_class.get_instance("a", size=3)
    with pytest.warns(UserWarning, match="`a` exists already"):
        assert board_class.get_instance("a", size=5).size == 3


def test_the_last_one_made_is_current():
    """Made, not asked for."""
    board_class = make_class()
    with pytest.raises(RuntimeError, match="there is no"):
        board_class.get_current_instance()
    board_class.get_instance("a")
    second = board_class.get_instance("b")
    board_class.get_instance("a")
    assert board_class.get_current_instance() is second


def test_each_class_has_its_own_instances():
    """Neither parents nor siblings share."""
    board_class = make_class()

    class Small(board_class):
        pass

    class Large(board_class):
        pass

    small, large = Small.get_instance("a"), Large.get_instance("a")
    assert small is not large
    assert not board_class.check_instance_created("a")


@pytest.mark.parametrize("name", ["", 1, None])
def test_a_name_is_a_string_that_says_something(name):
    """An empty name or another object is refused."""
    with pytest.raises(AssertionError, match="name"):
        make_class()(name)


def test_get_instance_wants_a_string():
    """A number is no name."""
    with pytest.raises(AssertionError, match="must be a str"):
        make_class().get_instance(1)


def test_the_constructor_must_take_a_name():
    """A class that cannot be made from a name fails when it is defined."""
    with pytest.raises(AssertionError, match="must take an argument `name`"):

        class Nameless(ManagerMixin):
            def __init__(self):
                pass


def test_threads_do_not_meet():
    """What a thread makes is current there and nowhere else."""
    board_class = make_class()
    mine = board_class.get_instance("mine")
    theirs = []

    def work():
        theirs.append(board_class.get_instance("theirs"))
        theirs.append(board_class.get_current_instance())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert theirs[0] is theirs[1]
    assert board_class.get_current_instance() is mine


def test_as_current_holds_inside_the_block_and_this_context():
    """It needs no registration and ends with the block, also after an exception."""
    board_class = make_class()
    first = board_class.get_instance("first")
    other = board_class("not registered")
    with other.as_current():
        assert board_class.get_current_instance() is other
        assert copy_context().run(board_class.get_current_instance) is other
    assert board_class.get_current_instance() is first
    with pytest.raises(OSError, match="no"), other.as_current():
        raise OSError("no")
    assert board_class.get_current_instance() is first


def test_a_constructor_that_raises_blocks_nobody():
    """Another thread can make instances afterwards, and the name is free."""

    class Fragile(ManagerMixin):
        def __init__(self, name="", fail=False):
            super().__init__(name)
            if fail:
                raise OSError("no")

    with pytest.raises(OSError, match="no"):
        Fragile.get_instance("a", fail=True)
    made = []
    thread = threading.Thread(target=lambda: made.append(Fragile.get_instance("a")))
    thread.start()
    thread.join(5)
    assert [one.instance_name for one in made] == ["a"]
