"""What differs between two configurations, as a unified diff of their pretty texts."""

from __future__ import annotations

from difflib import unified_diff

__all__ = ["difference"]


def difference(old: str, new: str, old_name: str = "", new_name: str = "") -> str:
    """A unified diff of two texts; empty when they are equal.

    >>> print(difference("a = 1", "a = 2", "old.py", "new.py"))
    --- old.py
    +++ new.py
    @@ -1 +1 @@
    -a = 1
    +a = 2
    """
    return "\n".join(unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm=""))
