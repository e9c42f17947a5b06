"""The front door of the package, name by name."""

import eng_compat


def test_public_names():
    """What is public changes only on purpose."""
    assert eng_compat.__all__ == [
        "HOMES",
        "MODULES",
        "homes_of",
        "instead_of",
        "missing_from",
        "public_names",
        "resolve",
    ]
