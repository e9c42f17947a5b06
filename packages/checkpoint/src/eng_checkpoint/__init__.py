"""Crash-safe, verified, safe-to-load checkpoints for any training loop."""

from .background import BackgroundSaver
from .checkpoints import Checkpoints
from .downstream import _load_checkpoint as _load_checkpoint
from .downstream import _load_checkpoint_to_model as _load_checkpoint_to_model
from .downstream import _load_checkpoint_with_prefix as _load_checkpoint_with_prefix
from .errors import (
    CheckpointError,
    CorruptCheckpointError,
    ManifestError,
    NoValidCheckpoint,
    PlainDataError,
    Skipped,
    StateMismatchError,
    UnsafeCheckpointError,
)
from .file import load_file, save_file
from .latest import Found, find_latest_checkpoint, find_newest_valid
from .load import load_checkpoint, load_weights, save_checkpoint
from .manifest import Entry, entries
from .names import safe_name
from .plain import check_plain
from .retention import Keep, prune
from .save import commit
from .sharded import commit_sharded, load_sharded, read_sharded
from .snapshot import Staging
from .sources import CheckpointLoader
from .state_dict import (
    LoadReport,
    Mismatch,
    get_state_dict,
    load_state_dict,
    register_wrapper,
    weights_to_cpu,
)
from .verify import FileInfo

__all__ = [
    "BackgroundSaver",
    "CheckpointError",
    "CheckpointLoader",
    "Checkpoints",
    "CorruptCheckpointError",
    "Entry",
    "FileInfo",
    "Found",
    "Keep",
    "LoadReport",
    "ManifestError",
    "Mismatch",
    "NoValidCheckpoint",
    "PlainDataError",
    "Skipped",
    "Staging",
    "StateMismatchError",
    "UnsafeCheckpointError",
    "check_plain",
    "commit",
    "commit_sharded",
    "entries",
    "find_latest_checkpoint",
    "find_newest_valid",
    "get_state_dict",
    "load_checkpoint",
    "load_file",
    "load_sharded",
    "load_state_dict",
    "load_weights",
    "prune",
    "read_sharded",
    "register_wrapper",
    "safe_name",
    "save_checkpoint",
    "save_file",
    "weights_to_cpu",
]
