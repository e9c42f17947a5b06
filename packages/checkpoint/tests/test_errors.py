import pickle

import pytest

from eng_checkpoint import (
    CheckpointError,
    CorruptCheckpointError,
    ManifestError,
    NoValidCheckpoint,
    PlainDataError,
    Skipped,
    StateMismatchError,
    UnsafeCheckpointError,
)


@pytest.mark.parametrize(
    "error",
    [
        CheckpointError("text"),
        CorruptCheckpointError("run/a.pth", "cut"),
        ManifestError("text"),
        NoValidCheckpoint("run", [Skipped(name="a.pth", reason="cut")]),
        PlainDataError("hooks.ema", "a function"),
        PlainDataError("weight", "a list", "dense tensors only"),
        StateMismatchError("text"),
        UnsafeCheckpointError("run/a.pth", "os.system"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_to_another_process(error):
    """From a worker, or from another rank, with its words and its attributes."""
    came = pickle.loads(pickle.dumps(error))
    assert type(came) is type(error)
    assert str(came) == str(error) != ""
    assert vars(came) == vars(error)
