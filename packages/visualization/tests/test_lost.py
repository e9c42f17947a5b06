from eng_visualization.lost import Lost


def test_kinds_are_counted_and_steps_are_a_range():
    """What has no step only counts."""
    lost = Lost()
    assert (len(lost), str(lost)) == (0, "")
    lost.add("add_config", ({},))
    assert str(lost) == "1 configuration"
    lost.add("add_image", ("a", None, 7))
    assert str(lost) == "1 configuration, 1 image, of step 7"
    lost.add("add_image", ("a", None, 3))
    lost.add("of_its_own", ())
    assert (len(lost), str(lost)) == (4, "1 configuration, 2 images, 1 of_its_own, of the steps 3 to 7")


def test_two_are_one():
    """Each thread has its own, at the end they are added."""
    here, there = Lost(), Lost()
    here.add("add_scalar", ("loss", 1.0, 5))
    there.add("add_scalars", ({}, 9, None))
    assert str(here.merged(there)) == "2 records of scalars, of the steps 5 to 9"
    assert str(Lost().merged(Lost())) == ""
