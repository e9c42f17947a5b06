"""One load/dump/get/put for many places and formats, with atomic writes."""

from .atomic import (
    atomic_write,
    atomic_write_text,
    remove_leftovers,
    sync_directory,
    temporary_directory,
    temporary_name,
    write_error,
)
from .backend import BaseStorageBackend
from .backends.fsspec import FsspecBackend
from .backends.http import HTTPBackend
from .backends.lmdb import LmdbBackend
from .backends.local import LocalBackend
from .download import Patience, cached_download, download
from .errors import DownloadError, FileIOError, UnsafePickleError, UnsupportedVerbError, WriteError
from .exchange import replace_directory
from .formats import (
    BaseFileHandler,
    JsonHandler,
    PickleHandler,
    YamlHandler,
    dump,
    load,
    register_handler,
)
from .lists import dict_from_file, list_from_file
from .lock import exclusive
from .resolve import get_file_backend, register_backend
from .verbs import (
    copy_if_symlink_fails,
    copyfile,
    copyfile_from_local,
    copyfile_to_local,
    copytree,
    copytree_from_local,
    copytree_to_local,
    exists,
    generate_presigned_url,
    get,
    get_local_path,
    get_text,
    isdir,
    isfile,
    join_path,
    list_dir_or_file,
    put,
    put_text,
    remove,
    rmtree,
)

__all__ = [
    "BaseFileHandler",
    "BaseStorageBackend",
    "DownloadError",
    "FileIOError",
    "FsspecBackend",
    "HTTPBackend",
    "JsonHandler",
    "LmdbBackend",
    "LocalBackend",
    "Patience",
    "PickleHandler",
    "UnsafePickleError",
    "UnsupportedVerbError",
    "WriteError",
    "YamlHandler",
    "atomic_write",
    "atomic_write_text",
    "cached_download",
    "copy_if_symlink_fails",
    "copyfile",
    "copyfile_from_local",
    "copyfile_to_local",
    "copytree",
    "copytree_from_local",
    "copytree_to_local",
    "dict_from_file",
    "download",
    "dump",
    "exclusive",
    "exists",
    "generate_presigned_url",
    "get",
    "get_file_backend",
    "get_local_path",
    "get_text",
    "isdir",
    "isfile",
    "join_path",
    "list_dir_or_file",
    "list_from_file",
    "load",
    "put",
    "put_text",
    "register_backend",
    "register_handler",
    "remove",
    "remove_leftovers",
    "replace_directory",
    "rmtree",
    "sync_directory",
    "temporary_directory",
    "temporary_name",
    "write_error",
]
