"""Begin with the weights of a file."""

from __future__ import annotations

from typing import Any

from torch import nn

from eng_checkpoint import CheckpointLoader, load_checkpoint, load_state_dict
from eng_registry import WEIGHT_INITIALIZERS

from .record import is_recording, update_init_info


@WEIGHT_INITIALIZERS.register_module(name="Pretrained")
class PretrainedInit:
    """Load a checkpoint, or the part of it whose names begin with `prefix.`, into the module.

    `checkpoint` is a path or an address; `map_location` is where the tensors pass through. What the file
    lacks keeps its value. Raises `AssertionError` if nothing in the file begins with the prefix.
    """

    def __init__(self, checkpoint: str, prefix: str | None = None, map_location: Any = "cpu") -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Fill the module."""
        if self.prefix is None:
            load_checkpoint(module, self.checkpoint, map_location=self.map_location, strict=False)
        else:
            loaded = CheckpointLoader.load_checkpoint(self.checkpoint, map_location=self.map_location)
            load_state_dict(module, self._below_prefix(loaded.get("state_dict", loaded)), strict=False)
        if is_recording(module):
            update_init_info(module, f"PretrainedInit: load from {self.checkpoint}")

    def _below_prefix(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        start = f"{self.prefix}".removesuffix(".") + "."
        part = {
            name.removeprefix(start): value for name, value in state_dict.items() if name.startswith(start)
        }
        if not part:
            tops = sorted({name.partition(".")[0] for name in state_dict})
            raise AssertionError(
                f"no weight in {self.checkpoint} begins with {start!r}; they begin with {tops}"
            )
        return part
