import matplotlib
import numpy as np
import pytest

from eng_visualization import Visualizer, wait_continue

matplotlib.use("Agg")


class Figure:
    """A figure whose person presses keys or closes the window as the test says."""

    def __init__(self, *events):
        self.canvas = self
        self.events = events
        self.handlers = {}
        self.stopped = False

    def mpl_connect(self, name, handler):
        self.handlers[name] = handler
        return name

    def mpl_disconnect(self, name):
        del self.handlers[name]

    def start_event_loop(self, timeout):
        self.timeout = timeout
        for event in self.events:
            self.handlers[event.name](event)
            if self.stopped:
                return

    def stop_event_loop(self):
        self.stopped = True


class Event:
    def __init__(self, name, key=None):
        self.name, self.key = name, key


def test_the_key_goes_on_and_others_do_not():
    """The second key is the right one; nothing stays connected."""
    figure = Figure(Event("key_press_event", "a"), Event("key_press_event", " "), Event("close_event"))
    assert wait_continue(figure, timeout=3, continue_key=" ") == 0
    assert figure.stopped
    assert figure.timeout == 3
    assert figure.handlers == {}


def test_a_closed_window_is_told():
    """As 1; a time that is over is 0."""
    assert wait_continue(Figure(Event("close_event"))) == 1
    assert wait_continue(Figure()) == 0


def test_showing_works_without_a_display():
    """And an unknown backend is refused."""
    visualizer = Visualizer(image=np.zeros((10, 10, 3), np.uint8))
    visualizer.show()
    visualizer.show(np.ones((4, 4, 3), np.uint8), win_name="other", wait_time=0.1)
    with pytest.raises(ValueError, match="'matplotlib' or 'cv2', got 'qt'"):
        visualizer.show(backend="qt")
