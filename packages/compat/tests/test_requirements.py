"""What a function needs is checked at the call."""

import pytest
from mmengine.utils import check_prerequisites, requires_executable, requires_package


def test_missing_packages_are_named(capsys):
    """One line with all that is missing and the function's name, then a RuntimeError of fixed text."""

    @requires_package(["json", "no_such_one", "no_such_other"])
    def func_a():
        return 1

    with pytest.raises(RuntimeError, match=r"^Prerequisites not meet\.$"):
        func_a()
    assert capsys.readouterr().out == (
        'Prerequisites "no_such_one, no_such_other" are required in method "func_a" but not found, '
        "please install them first.\n"
    )


def test_what_is_there_is_no_obstacle(capsys):
    """The function runs, and nothing is printed."""

    @requires_package("json")
    @requires_executable(["sh"])
    def func_b(x, *, y):
        return x + y

    assert func_b(1, y=2) == 3
    assert capsys.readouterr().out == ""


def test_missing_programs(capsys):
    """Programs are looked for on the search path."""

    @requires_executable("no_such_program")
    def func_c():
        return 1

    with pytest.raises(RuntimeError):
        func_c()
    assert '"no_such_program" are required in method "func_c"' in capsys.readouterr().out


def test_a_check_of_ones_own(capsys):
    """Any checker and any message."""

    @check_prerequisites(["a", "b"], lambda name: name == "a", msg_tmpl="{} for {}")
    def func_d():
        return 1

    with pytest.raises(RuntimeError):
        func_d()
    assert capsys.readouterr().out == "b for func_d\n"
