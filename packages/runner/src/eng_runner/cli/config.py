"""`eng config`, which eng-config itself provides."""

from __future__ import annotations

from eng_config.cli import add_arguments

__all__ = ["add_arguments"]
