"""What reading a file gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..analysis.layer import Layer
from ..node import ConfigDict

__all__ = ["Content"]


class Content(NamedTuple):
    """What a file and its bases give: values, where they are written, the raw texts, and what was put in."""

    values: ConfigDict
    layer: Layer
    text: str
    environment: Mapping[str, str] = {}
    #: names that the file only imports
    imported: Mapping[str, Any] = {}
