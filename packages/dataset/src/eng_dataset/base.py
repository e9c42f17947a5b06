"""A data set made of records, one per sample, and a pipeline that turns a record into a sample.

To make one of your own: override `load_data_list` (any annotation format), or only `parse_data_info` (one
record of the documented format), `filter_data`, and `get_cat_ids` where the classes of a sample matter.
"""

import copy
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from torch.utils.data import Dataset

from eng_dataset.pipeline import Compose
from eng_dataset.serialize import pack, select, unpack
from eng_fileio import join_path, list_from_file, load
from eng_registry import DATASETS

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def force_full_init(old_func: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], R]:
    """Let `old_func` fill a lazy data set first, with a warning.

    Raises:
        AttributeError: at the call, if the object has no ``full_init``.
    """

    @functools.wraps(old_func)
    def wrapper(self: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not getattr(self, "_fully_initialized", False):
            _fill(self, old_func.__name__)
        return old_func(self, *args, **kwargs)

    return wrapper


def _fill(dataset: Any, caller: str) -> None:
    if not hasattr(dataset, "full_init"):
        raise AttributeError(f"{type(dataset).__name__} has no full_init, which {caller} needs")
    logger.warning(
        "%s.%s was called before full_init; the annotations are loaded now.", type(dataset).__name__, caller
    )
    dataset.full_init()
    dataset._fully_initialized = True


@DATASETS.register_module()
class BaseDataset(Dataset[Any]):
    """Samples from an annotation file and a pipeline of transforms.

    The file holds ``{'metainfo': {...}, 'data_list': [{...}, ...]}``, a record per sample. `data_prefix` says under
    which folder the paths of each key of a record are; it and `ann_file` are relative to `data_root`. What is known
    of the data set as a whole is in `metainfo`: from the argument, else the class's ``METAINFO``, else the file.
    `indices` keeps only the first n samples (an int; negative: the last) or those of a sequence. With
    `serialize_data` the records are bytes that workers share. A pipeline that returns None asks for another
    sample: `max_refetch` times in training; with `test_mode` it is an error.

    >>> class Squares(BaseDataset):
    ...     def load_data_list(self):
    ...         return [{'x': x, 'y': x * x} for x in range(10)]
    >>> Squares(indices=3)[2]
    {'x': 2, 'y': 4, 'sample_idx': 2}
    """

    METAINFO: dict[str, Any] = {}  # noqa: RUF012 - subclasses replace it, `_load_metainfo` copies it
    _fully_initialized: bool = False

    def __init__(
        self,
        ann_file: str | None = "",
        metainfo: Mapping[str, Any] | None = None,
        data_root: str | None = "",
        data_prefix: dict[str, str] | None = None,
        filter_cfg: dict[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        pipeline: Sequence[dict[str, Any] | Callable[[Any], Any]] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        self.ann_file = ann_file
        self._metainfo = self._load_metainfo(copy.deepcopy(metainfo))
        self.data_root = data_root
        self.data_prefix = {"img_path": ""} if data_prefix is None else copy.copy(data_prefix)
        self.filter_cfg = copy.deepcopy(filter_cfg)
        self._indices = indices
        self.serialize_data = serialize_data
        self.test_mode = test_mode
        self.max_refetch = max_refetch
        self.data_list: list[dict[str, Any]] = []
        self.data_bytes: Any = None
        self.data_address: Any = None
        self._join_prefix()
        self.pipeline = Compose(pipeline)
        if not lazy_init:
            self.full_init()

    # -- what subclasses override --------------------------------------------------------------------------------
    def load_data_list(self) -> list[dict[str, Any]]:
        """The records, from `ann_file`. Its metainfo fills in the keys that are not known yet.

        Raises:
            TypeError: the file holds no dict, or `parse_data_info` gives neither a dict nor a list of dicts.
            ValueError: ``metainfo`` or ``data_list`` is missing in it.
        """
        annotations = load(self.ann_file)  # type: ignore[arg-type] # what is no path raises a TypeError
        if not isinstance(annotations, dict):
            raise TypeError(
                f"{self.ann_file}: an annotation file holds a dict, but this holds a {type(annotations).__name__}"
            )
        missing = [key for key in ("metainfo", "data_list") if key not in annotations]
        if missing:
            raise ValueError(
                f"{self.ann_file}: an annotation file has `metainfo` and `data_list`, but {' and '.join(missing)} "
                f"is missing; it has {', '.join(map(str, annotations)) or 'nothing'}"
            )
        for key, value in annotations["metainfo"].items():
            self._metainfo.setdefault(key, value)
        records: list[dict[str, Any]] = []
        for number, raw in enumerate(annotations["data_list"]):
            records += _records(self.parse_data_info(raw), f"{self.ann_file}: data_list[{number}]")
        return records

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """The record, or the records, of one entry of the file: here, `data_prefix` put before its paths."""
        for key, prefix in self.data_prefix.items():
            assert key in raw_data_info, (
                f"`data_prefix` has `{key}`, but the record has not; it has {', '.join(raw_data_info)}"
            )
            raw_data_info[key] = join_path(prefix, raw_data_info[key]) if prefix else raw_data_info[key]
        return raw_data_info

    def filter_data(self) -> list[dict[str, Any]]:
        """The records of `data_list` that are kept, by what `filter_cfg` says; here, all."""
        return self.data_list

    def get_cat_ids(self, idx: int) -> list[int]:
        """The classes of sample `idx`, for data sets that know them."""
        raise NotImplementedError(f"{type(self).__name__} does not say the classes of a sample: get_cat_ids")

    # -- samples -------------------------------------------------------------------------------------------------
    @force_full_init
    def __len__(self) -> int:
        return len(self.data_address) if self.serialize_data else len(self.data_list)

    @force_full_init
    def __getitem__(self, idx: int) -> Any:
        """Sample `idx`, or in training another one where the pipeline refuses it.

        Raises:
            RuntimeError: the pipeline gave None, in test mode once, else `max_refetch` + 1 times.
        """
        if self.test_mode:
            data = self.prepare_data(idx)
            if data is None:
                raise RuntimeError(
                    f"the pipeline gave None for sample {idx}; in test mode every sample counts, so no other is taken"
                )
            return data
        first = idx
        for _ in range(self.max_refetch + 1):
            data = self.prepare_data(idx)
            if data is not None:
                return data
            idx = self._rand_another()
        raise RuntimeError(
            f"the pipeline gave None for sample {first} and for {self.max_refetch} others drawn instead "
            f"(max_refetch={self.max_refetch}), the last of them refused too; look at the pipeline: {self.pipeline}"
        )

    def prepare_data(self, idx: int) -> Any:
        """Sample `idx` through the pipeline; None if the pipeline refuses it."""
        return self.pipeline(self.get_data_info(idx))

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """A fresh copy of record `idx`, with ``sample_idx``, its number counted from the front.

        Raises:
            IndexError: there is no such record.
        """
        size = len(self.data_address) if self.serialize_data else len(self.data_list)
        number = idx + size if idx < 0 else idx
        if not 0 <= number < size:
            raise IndexError(f"there is no sample {idx} in a data set of {size}")
        if self.serialize_data:
            data_info = unpack(self.data_bytes, self.data_address, number)
        else:
            data_info = copy.deepcopy(self.data_list[number])
        data_info["sample_idx"] = int(number)
        return data_info  # type: ignore[no-any-return]

    @property
    def metainfo(self) -> dict[str, Any]:
        """A copy of what is known of the data set as a whole; complete after `full_init`."""
        return copy.deepcopy(self._metainfo)

    # -- filling -------------------------------------------------------------------------------------------------
    def full_init(self) -> None:
        """Load the records, filter them, take the subset, serialise. A second call does nothing."""
        if self._fully_initialized:
            return
        self.data_list = self.load_data_list()
        self.data_list = self.filter_data()
        if self._indices is not None:
            self.data_list = self._get_unserialized_subset(self._indices)
        if self.serialize_data:
            self.data_bytes, self.data_address = self._serialize_data()
        self._fully_initialized = True

    @force_full_init
    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep only some samples: the first n (an int), the last n (negative) or those of a sequence, in its order.

        Raises:
            TypeError: `indices` is something else.
        """
        if self.serialize_data:
            self.data_bytes, self.data_address = self._get_serialized_subset(indices)
        else:
            self.data_list = self._get_unserialized_subset(indices)

    @force_full_init
    def get_subset(self, indices: int | Sequence[int]) -> "BaseDataset":
        """A copy of the data set with only some samples; see `get_subset_`."""
        subset = self._copy_without_annotation()
        if self.serialize_data:
            subset.data_bytes, subset.data_address = self._get_serialized_subset(indices)
        else:
            subset.data_list = self._get_unserialized_subset(indices)
        return subset

    # -- inside, but overridden by some --------------------------------------------------------------------------
    @classmethod
    def _load_metainfo(cls, metainfo: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The class's METAINFO with `metainfo` over it; a string that names a text file becomes its lines."""
        merged = copy.deepcopy(cls.METAINFO)
        if metainfo is None:
            return merged
        if not hasattr(metainfo, "items"):  # a Config has them, but is no Mapping
            raise TypeError(f"metainfo is a dict or a Config, but got a {type(metainfo).__name__}")
        for key, value in metainfo.items():
            merged[key] = _lines_or_itself(key, value) if isinstance(value, str) else value
        return merged

    def _join_prefix(self) -> None:
        """Put `data_root` before `ann_file` and before every prefix, where they are relative."""
        if self.ann_file and self.data_root and not _is_absolute(self.ann_file):
            self.ann_file = join_path(self.data_root, self.ann_file)
        for key, prefix in self.data_prefix.items():
            if not isinstance(prefix, str):
                raise TypeError(f"data_prefix[{key!r}] is a path, but got a {type(prefix).__name__}")
            if self.data_root and not _is_absolute(prefix):
                self.data_prefix[key] = join_path(self.data_root, prefix) if prefix else self.data_root

    def _serialize_data(self) -> tuple[Any, Any]:
        """The pickled records in one array and where each ends; `data_list` is empty afterwards."""
        packed = pack(self.data_list)
        self.data_list = []
        return packed

    def _rand_another(self) -> int:
        """The number of a random sample, drawn from numpy's generator."""
        return int(np.random.randint(0, len(self)))

    def _get_serialized_subset(self, indices: int | Sequence[int]) -> tuple[Any, Any]:
        return select(self.data_bytes, self.data_address, _chosen(len(self.data_address), indices))

    def _get_unserialized_subset(self, indices: int | Sequence[int]) -> list[dict[str, Any]]:
        return [self.data_list[number] for number in _chosen(len(self.data_list), indices)]

    def _copy_without_annotation(self, memo: dict[int, Any] | None = None) -> "BaseDataset":
        """A deep copy of everything but the records."""
        other = type(self).__new__(type(self))
        memo = {} if memo is None else memo
        memo[id(self)] = other
        for key, value in vars(self).items():
            records = key in ("data_list", "data_address", "data_bytes")
            setattr(
                other, key, ([] if key == "data_list" else None) if records else copy.deepcopy(value, memo)
            )
        return other


def _chosen(size: int, indices: Any) -> range | list[int]:
    """The numbers of the samples that `indices` means, among `size`."""
    if isinstance(indices, int):
        return range(size)[:indices] if indices >= 0 else range(size)[indices:]
    if isinstance(indices, Sequence) and not isinstance(indices, str | bytes):
        try:
            return [range(size)[index] for index in indices]
        except IndexError:
            wrong = next(index for index in indices if not -size <= index < size)
            raise IndexError(f"there is no sample {wrong} in a data set of {size}") from None
    raise TypeError(f"indices are an int or a sequence of ints, but got a {type(indices).__name__}")


def _records(parsed: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(parsed, dict):
        return [parsed]
    if isinstance(parsed, list) and all(isinstance(record, dict) for record in parsed):
        return parsed
    found = type(parsed).__name__
    if isinstance(parsed, list):
        found += " with " + ", ".join(sorted({type(r).__name__ for r in parsed if not isinstance(r, dict)}))
    raise TypeError(f"{where}: parse_data_info returns a dict or a list of dicts, but returned a {found}")


def _lines_or_itself(key: str, value: str) -> str | list[str]:
    try:
        return list_from_file(value)
    except (OSError, ValueError):
        logger.warning("metainfo `%s`: %r is no file, so it is taken as text.", key, value)
        return value


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "http://", "https://", "s3://")) or path[1:3] in (":\\", ":/")
