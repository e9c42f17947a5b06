import logging
import threading
import time

import pytest

from eng_visualization import ArgumentError, BackendWriter


def test_calls_arrive_in_order_on_another_thread(Remembers):
    """What is submitted is done in its order, `close` last; and the thread ends."""
    backend = Remembers()
    writer = BackendWriter("tracker", backend)
    for step in range(100):
        writer.submit("add_scalar", "loss", 0.5, step)
    assert writer.flush()
    assert backend.calls == [("add_scalar", "loss", 0.5, step) for step in range(100)]
    writer.close()
    assert backend.calls[-1] == ("close",)
    assert not [thread for thread in threading.enumerate() if thread.name == "eng tracker"]


def test_nothing_is_started_before_the_first_record(Remembers):
    """Neither a thread nor the backend."""
    backend = Remembers()
    before = threading.active_count()
    writer = BackendWriter("tracker", backend)
    assert threading.active_count() == before
    writer.close()
    assert backend.starts == 0


def test_a_failing_backend_is_reported_once_and_switched_off(caplog, Remembers):
    """Submitting never raises; the last line says how much was lost."""
    backend = Remembers(fails=("add_scalar",))
    writer = BackendWriter("tracker", backend)
    with caplog.at_level(logging.WARNING):
        for step in range(5):
            writer.submit("add_scalar", "loss", 0.5, step)
        writer.flush()
        writer.submit("add_image", "late", None, 0)
        writer.close()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "tracker failed in add_scalar and is switched off; training goes on: OSError('disk full')",
        "tracker: not written are 5 records of scalars, 1 image, of the steps 0 to 4 (OSError('disk full'))",
    ]
    assert backend.calls == []


def test_a_client_that_leaves_the_program_is_a_failing_one(caplog, Remembers):
    """As some do where they cannot log in; its thread goes on, and what is lost is counted."""
    writer = BackendWriter("tracker", Remembers(fails=("add_scalar",), error=SystemExit(3)))
    with caplog.at_level(logging.WARNING):
        writer.submit("add_scalar", "loss", 0.5, 1)
        writer.submit("add_scalar", "loss", 0.5, 2)
        writer.close()
    assert "tracker: not written are 2 records of scalars, of the steps 1 to 2 (SystemExit(3))" in caplog.text


def test_what_a_backend_cannot_take_is_its_only_loss(caplog, Remembers):
    """A wrong argument is named, the backend stays."""
    backend = Remembers(fails=("add_image",), error=ArgumentError("no image"))
    writer = BackendWriter("tracker", backend)
    with caplog.at_level(logging.WARNING):
        writer.submit("add_image", "a", 1, 0)
        writer.submit("add_scalar", "loss", 0.5, 1)
        writer.close()
    assert backend.calls == [("add_scalar", "loss", 0.5, 1), ("close",)]
    assert "tracker cannot take this: no image" in caplog.text
    assert "tracker: not written are 1 image, of step 0 (None)" in caplog.text


def test_a_hanging_backend_costs_the_run_nothing(caplog, Remembers):
    """Thousands of records take no time, the memory is bounded, and closing waits for `patience` only."""
    backend = Remembers(hangs=("add_scalar",))
    writer = BackendWriter("tracker", backend, max_waiting=10, patience=0.1)
    begin = time.perf_counter()
    with caplog.at_level(logging.WARNING):
        for step in range(5000):
            writer.submit("add_scalar", "loss", 0.5, step)
        assert not writer.flush(0.05)
        writer.close()
    assert time.perf_counter() - begin < 5
    assert "tracker is too slow" in caplog.text
    assert "tracker does not answer; the run goes on without it" in caplog.text
    assert "not written are 5000 records of scalars, of the steps 0 to 4999" in caplog.text


def test_a_backend_that_hangs_for_five_seconds_loses_nothing(caplog, Remembers):
    """The run goes on meanwhile, another backend as well, and at the end everything has arrived in its order."""
    slow, quick = Remembers(hangs=("add_image",), seconds=5.0), Remembers()
    writers = [BackendWriter("slow", slow), BackendWriter("quick", quick)]
    begin = time.perf_counter()
    for step in range(100):
        for writer in writers:
            if step == 10:
                writer.submit("add_image", "a", None, step)
            writer.submit("add_scalar", "loss", 0.5, step)
    assert writers[1].flush()
    assert len(quick.calls) == 101
    assert time.perf_counter() - begin < 2
    for writer in writers:
        writer.close()
    assert slow.calls == quick.calls
    assert caplog.text == ""


def test_closing_is_a_failure_but_not_a_record(caplog, Remembers):
    """A backend that fails only at the end has written everything."""
    writer = BackendWriter("tracker", Remembers(fails=("close",)))
    writer.submit("add_scalar", "loss", 0.5, 1)
    writer.close()
    assert "tracker failed in close" in caplog.text
    assert "not written" not in caplog.text


def test_images_that_wait_are_bounded_by_their_bytes(caplog, Remembers):
    """The third of 100 bytes does not fit into 250."""
    backend = Remembers(hangs=("add_image",))
    writer = BackendWriter("tracker", backend, max_bytes=250, patience=0.05)
    for _ in range(3):
        writer.submit("add_image", "a", b"", 0, size=100)
    assert writer.lost == 1
    writer.close()


def test_a_call_on_this_thread_does_not_raise_either(caplog, Remembers):
    """And it comes after what waits."""
    backend = Remembers(fails=("add_graph",))
    writer = BackendWriter("tracker", backend)
    writer.submit("add_scalar", "loss", 0.5, 1)
    writer.call("add_graph", None, None)
    assert backend.calls == [("add_scalar", "loss", 0.5, 1)]
    assert isinstance(writer.error, OSError)
    writer.close()


@pytest.mark.parametrize("methods", [("close",), ("add_scalar", "close")])
def test_closing_a_broken_backend_is_quiet(methods, Remembers):
    """Nothing is raised, whatever fails."""
    writer = BackendWriter("tracker", Remembers(fails=methods))
    writer.submit("add_scalar", "loss", 0.5, 1)
    writer.close()
    writer.close()
