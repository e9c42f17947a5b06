"""MMEngine's names on eng: `import mmengine` finds our objects."""

from .modules import MODULES
from .names import HOMES, missing_from, resolve

__all__ = ["HOMES", "MODULES", "missing_from", "resolve"]
