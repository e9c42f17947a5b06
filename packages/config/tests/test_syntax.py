import sys
import threading

import pytest

from eng_config.analysis.syntax import syntax_tree

TEXT = "a = " + "[" * 60 + "1" + "]" * 60 + "\n" + "b = f(1, 2, x=[1, 2, 3])\n" * 200


class Talks:
    """Garbage that runs code, so that another thread gets its turn wherever garbage is collected."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        for _ in range(20):
            pass


@pytest.fixture
def _hasty():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_hasty")
def test_threads_that_parse_do_not_meet():
    """`ast.parse` itself fails here about two hundred times on CPython 3.11.7."""
    errors = []

    def work():
        for _ in range(100):
            for _ in range(50):
                Talks()
            try:
                syntax_tree(TEXT)
            except SystemError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
