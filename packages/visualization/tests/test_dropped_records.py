from eng_visualization.dropped_records import DroppedRecords


def test_kinds_are_counted_and_steps_are_a_range():
    """What has no step only counts."""
    dropped = DroppedRecords()
    assert (len(dropped), str(dropped)) == (0, "")
    dropped.add("add_config", ({},))
    assert str(dropped) == "1 configuration"
    dropped.add("add_image", ("a", None, 7))
    assert str(dropped) == "1 configuration, 1 image, of step 7"
    dropped.add("add_image", ("a", None, 3))
    dropped.add("of_its_own", ())
    assert (len(dropped), str(dropped)) == (4, "1 configuration, 2 images, 1 of_its_own, of the steps 3 to 7")


def test_two_are_one():
    """Each thread has its own, at the end they are added."""
    here, there = DroppedRecords(), DroppedRecords()
    here.add("add_scalar", ("loss", 1.0, 5))
    there.add("add_scalars", ({}, 9, None))
    assert str(here.merged(there)) == "2 records of scalars, of the steps 5 to 9"
    assert str(DroppedRecords().merged(DroppedRecords())) == ""
