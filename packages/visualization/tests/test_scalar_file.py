import json

from eng_visualization.scalar_file import lines_up_to, position_of, records


def lines(*some):
    return [json.dumps(record) + "\n" for record in some]


def test_lines_are_cut_where_a_later_iteration_begins():
    """A validation, whose step counts epochs, belongs to where it stands."""
    written = lines(
        {"loss": 3, "iter": 10, "step": 10},
        {"acc": 1, "step": 1},
        {"loss": 2, "iter": 20, "step": 20},
        {"acc": 2, "step": 2},
    )
    assert list(lines_up_to(written, 10)) == written[:2]
    assert list(lines_up_to(written, 15)) == written[:2]
    assert list(lines_up_to(written, 20)) == written
    assert list(lines_up_to(written, 0)) == []


def test_without_an_iter_the_step_counts():
    """For whoever records on their own."""
    written = lines({"loss": 3, "step": 1}, {"loss": 2, "step": 2})
    assert list(lines_up_to(written, 1)) == written[:1]
    assert position_of({"step": 3}, "step") == 3
    assert position_of({"step": "three"}, "step", 2) == 2


def test_a_validation_says_its_iteration():
    """One that is later than the checkpoint goes, also where no line of training stands between."""
    written = lines(
        {"loss": 3, "iter": 10, "step": 10},
        {"acc": 1, "step": 12},
        {"acc": 2, "step": 15},
        {"acc": 3, "step": 18},
    )
    assert list(lines_up_to(written, 15)) == written[:3]
    assert list(lines_up_to(written, 11)) == written[:1]
    assert list(lines_up_to(written, 15, validated=False)) == written[:2]
    assert list(lines_up_to(written, 10, validated=False)) == written[:1]


def test_broken_lines_are_left_out():
    """Half a line of a killed writer, or JSON that is no record."""
    written = [*lines({"step": 1}), "[1]\n", '{"step": 2, "lo']
    assert list(records(written)) == [{"step": 1}]
    assert list(lines_up_to(written, 5)) == written[:1]
