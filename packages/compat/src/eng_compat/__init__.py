"""MMEngine's names on eng: `import mmengine` finds our objects."""

from .names import HOMES, missing_from, resolve

__all__ = ["HOMES", "missing_from", "resolve"]
