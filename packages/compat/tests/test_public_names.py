"""The front door of the package, name by name."""

import eng_compat


def test_public_names():
    """What is public changes only on purpose."""
    assert eng_compat.__all__ == ["HOMES", "MODULES", "missing_from", "resolve"]
