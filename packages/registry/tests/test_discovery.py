"""Other distributions fill a registry by announcing it in their metadata."""

import logging

import pytest

from eng_registry import Registry

FILL = """
from {home} import parts

@parts.register_module()
class {name}:
    pass
"""


def registry(on_disk, home, entry_point):
    """A registry that packages can import from `home`."""
    on_disk({f"{home}.py": "parts = None\n"})
    module = __import__(home)
    module.parts = Registry("part", scope="demo", entry_point=entry_point)
    return module.parts


def test_an_entry_point_is_imported_on_the_first_miss(on_disk, distribution):
    """By its name, or by one below it."""
    parts = registry(on_disk, "home_one", "test_parts_one")
    distribution(
        "eng_test_one",
        {"test_parts_one": "fill_a", "test_parts_one.more": "fill_b", "test_parts_onestep": "fill_c"},
        {f"fill_{x}.py": FILL.format(home="home_one", name=f"Part{x.upper()}") for x in "abc"},
    )
    assert len(parts) == 0
    assert (parts.get("PartA").__name__, parts.get("PartB").__name__) == ("PartA", "PartB")
    assert parts.get("PartC") is None


def test_a_broken_one_does_not_take_the_others_down(on_disk, distribution, caplog):
    """Its error is the cause of the miss that it explains."""
    parts = registry(on_disk, "home_two", "test_parts_two")
    distribution(
        "eng_test_two",
        {"test_parts_two": "fill_fine", "test_parts_two.broken": "fill_broken"},
        {"fill_fine.py": FILL.format(home="home_two", name="Fine"), "fill_broken.py": "1 / 0\n"},
    )
    with caplog.at_level(logging.WARNING):
        assert parts.get("Fine").__name__ == "Fine"
    assert "entry point `test_parts_two.broken = fill_broken` of eng_test_two 1.0" in caplog.text
    with pytest.raises(KeyError, match="could not be imported: ZeroDivisionError") as caught:
        parts.build({"type": "FromTheBrokenOne"})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.__cause__.__traceback__ is not None


def test_several_broken_ones_are_a_group(on_disk, distribution):
    """None hides another."""
    parts = registry(on_disk, "home_three", "test_parts_three")
    distribution(
        "eng_test_three",
        {"test_parts_three.a": "bad_a", "test_parts_three.b": "bad_b"},
        {"bad_a.py": "1 / 0\n", "bad_b.py": "import nothing_of_this_name\n"},
    )
    with pytest.raises(KeyError) as caught:
        parts.build({"type": "X"})
    cause = caught.value.__cause__
    assert isinstance(cause, ExceptionGroup)
    assert {type(error) for error in cause.exceptions} == {ZeroDivisionError, ModuleNotFoundError}


def test_import_from_location_does_it_at_once(on_disk, distribution):
    """For who wants to look at the names."""
    parts = registry(on_disk, "home_four", "test_parts_four")
    distribution(
        "eng_test_four",
        {"test_parts_four": "fill_now"},
        {"fill_now.py": FILL.format(home="home_four", name="Now")},
    )
    parts.import_from_location()
    assert list(parts.module_dict) == ["Now"]
