"""MMEngine's names on eng: `import mmengine` finds our objects."""

from .modules import MODULES
from .names import HOMES, homes_of, instead_of, missing_from, public_names, resolve

__all__ = ["HOMES", "MODULES", "homes_of", "instead_of", "missing_from", "public_names", "resolve"]
