import errno
import pickle

import pytest

from eng_fileio import DownloadError, UnsafePickleError, UnsupportedVerbError, WriteError


@pytest.mark.parametrize(
    "error",
    [
        WriteError(OSError(errno.ENOSPC, "No space left on device"), "run/a", written=3, free=0, needed=9),
        WriteError(OSError("a reason of its own"), "run/a", written=0, free=None),
        UnsafePickleError("os.system"),
        UnsupportedVerbError("HTTPBackend", "put"),
        DownloadError("cut"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_to_another_process(error):
    """From a worker, or from another rank, with its words and its attributes."""
    came = pickle.loads(pickle.dumps(error))
    assert type(came) is type(error)
    assert str(came) == str(error) != ""
    for name in ("errno", "filename", "written", "needed", "free", "free_inodes", "name", "backend", "verb"):
        assert getattr(came, name, None) == getattr(error, name, None)
