import threading

import pytest

from eng_visualization import Visualizer
from eng_visualization.named import Named


@pytest.fixture
def home():
    class Home(Named, shared=True):
        def __init__(self, name="home"):
            super().__init__(name)

    return Home


def test_an_instance_is_made_once(home):
    """By name; arguments for one that is there are ignored with a warning."""
    one = home.get_instance("one")
    assert home.get_instance("one") is one
    assert one.instance_name == "one"
    assert (home.check_instance_created("one"), home.check_instance_created("two")) == (True, False)
    with pytest.warns(UserWarning, match=r"`one` exists already"):
        home.get_instance("one", size=3)


def test_the_last_one_made_is_current(home):
    """Without any there is an error that says what to do."""
    with pytest.raises(RuntimeError, match=r"call Home.get_instance\(name\) first"):
        home.get_current_instance()
    home.get_instance("one")
    two = home.get_instance("two")
    home.get_instance("one")
    assert home.get_current_instance() is two


def test_instances_of_subclasses_are_known(home):
    """To the class that is shared, not to siblings."""

    class Left(home):
        pass

    class Right(home):
        pass

    left = Left.get_instance("left")
    assert home.get_current_instance() is left
    assert Left.check_instance_created("left")
    assert not Right.check_instance_created("left")


def test_what_is_in_force_belongs_to_the_context(home):
    """Inside the block, in this thread only."""
    made = home.get_instance("made")
    given = home("given")
    seen = []
    with given.as_current():
        assert home.get_current_instance() is given
        thread = threading.Thread(target=lambda: seen.append(home.get_current_instance()))
        thread.start()
        thread.join()
    assert seen == [made]
    assert home.get_current_instance() is made


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_name_is_a_text(name):
    """And not empty."""
    with pytest.raises(AssertionError, match="name"):
        Visualizer(name)
    if name != "":
        with pytest.raises(AssertionError, match="name"):
            Visualizer.get_instance(name)
