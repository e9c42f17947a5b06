"""What can be imported from the front door."""

import eng_optim


def test_public_names() -> None:
    """A public name comes or goes only on purpose."""
    assert eng_optim.__all__ == sorted(eng_optim.__all__)
    assert {name for name in eng_optim.__all__ if not hasattr(eng_optim, name)} == set()
