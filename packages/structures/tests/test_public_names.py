import eng_structures


def test_the_front_door_offers_exactly_these_names() -> None:
    """What is public is decided here, on purpose; the list is sorted and every name is there."""
    assert eng_structures.__all__ == [
        "BaseDataElement",
        "ElementTypeError",
        "ElementValueError",
        "InstanceData",
        "LabelData",
        "PixelData",
        "from_plain",
        "to_plain",
    ]
    assert [name for name in eng_structures.__all__ if not hasattr(eng_structures, name)] == []
