"""Tests of `eng_dataset.base`: records, metainfo, subsets, refused samples."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eng_dataset import BaseDataset, force_full_init


class Numbers(BaseDataset):
    """Ten records, made here instead of read from a file."""

    METAINFO = {"classes": ("a", "b"), "task": "count"}  # noqa: RUF012

    def load_data_list(self) -> list[dict[str, Any]]:
        self._metainfo.setdefault("source", "file")
        return [{"x": x} for x in range(10)]


def annotate(folder: Path, content: Any) -> str:
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return str(path)


def xs(dataset: BaseDataset) -> list[int]:
    return [dataset[index]["x"] for index in range(len(dataset))]


BOTH = pytest.mark.parametrize("serialize", [True, False], ids=["serialized", "list"])


# -- metainfo ----------------------------------------------------------------------------------------------------


def test_metainfo_is_the_argument_then_the_class_then_the_file(tmp_path: Path) -> None:
    """Each place fills in what the one before it does not say."""

    class Annotated(BaseDataset):
        METAINFO = {"task": "class", "classes": ("class",)}  # noqa: RUF012

    path = annotate(
        tmp_path, {"metainfo": {"task": "file", "classes": "file", "more": "file"}, "data_list": []}
    )
    dataset = Annotated(path, metainfo={"task": ["argument"]})
    assert dataset.metainfo == {"task": ["argument"], "classes": ("class",), "more": "file"}
    assert Annotated.METAINFO == {"task": "class", "classes": ("class",)}


def test_metainfo_that_names_a_file_is_its_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The classes may be given as a text file; a text that is no file stays one, with a warning."""
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    dataset = Numbers(metainfo={"classes": str(tmp_path / "classes.txt"), "author": "nobody"})
    assert dataset.metainfo["classes"] == ["cat", "dog"]
    assert dataset.metainfo["author"] == "nobody"
    assert "metainfo `author`: 'nobody' is no file" in caplog.text


def test_metainfo_is_a_copy() -> None:
    """Nobody can change it from outside."""
    dataset = Numbers()
    dataset.metainfo["classes"] = ()
    assert dataset.metainfo["classes"] == ("a", "b")


def test_metainfo_of_another_type_is_refused() -> None:
    """The message names the type."""
    with pytest.raises(TypeError, match="got a str"):
        Numbers(metainfo="classes")  # type: ignore[arg-type]


# -- paths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ann_file", "root", "expected"),
    [
        ("a.json", "/data", "/data/a.json"),
        ("/a.json", "/data", "/a.json"),
        ("s3://bucket/a.json", "/data", "s3://bucket/a.json"),
        ("a.json", None, "a.json"),
        ("", "/data", ""),
        (None, "/data", None),
    ],
)
def test_the_annotation_file_is_under_the_root(
    ann_file: str | None, root: str | None, expected: str | None
) -> None:
    """Unless it is absolute, a URL, or one of both is not given."""
    assert Numbers(ann_file, data_root=root, lazy_init=True).ann_file == expected


def test_prefixes_are_under_the_root() -> None:
    """Every one of them; an empty one is the root itself."""
    dataset = Numbers(data_root="/data", data_prefix={"img": "train", "seg": "/seg", "all": ""})
    assert dataset.data_prefix == {"img": "/data/train", "seg": "/seg", "all": "/data"}


def test_a_prefix_that_is_no_path_is_refused() -> None:
    """The message names the key."""
    with pytest.raises(TypeError, match=r"data_prefix\['img'\] is a path, but got a int"):
        Numbers(data_prefix={"img": 3})  # type: ignore[dict-item]


# -- the annotation file -----------------------------------------------------------------------------------------


def test_records_come_from_the_file_with_prefixes(tmp_path: Path) -> None:
    """The documented format."""
    path = annotate(
        tmp_path, {"metainfo": {}, "data_list": [{"img_path": "1.jpg", "n": 1}, {"img_path": "2.jpg"}]}
    )
    dataset = BaseDataset(path, data_prefix={"img_path": "images"})
    assert dataset[0] == {"img_path": "images/1.jpg", "n": 1, "sample_idx": 0}
    assert dataset[-1] == {"img_path": "images/2.jpg", "sample_idx": 1}


def test_an_entry_may_become_several_records(tmp_path: Path) -> None:
    """`parse_data_info` may return a list."""

    class Twice(BaseDataset):
        def parse_data_info(self, raw_data_info: dict[str, Any]) -> list[dict[str, Any]]:
            return [raw_data_info, raw_data_info | {"x": raw_data_info["x"] + 1}]

    path = annotate(tmp_path, {"metainfo": {}, "data_list": [{"x": 0}, {"x": 2}]})
    assert xs(Twice(path)) == [0, 1, 2, 3]


@pytest.mark.parametrize("parsed", ["text", 3, None, [{}, "text"]], ids=repr)
def test_an_entry_of_another_type_is_refused(tmp_path: Path, parsed: Any) -> None:
    """The message says which entry of which file."""

    class Wrong(BaseDataset):
        def parse_data_info(self, raw_data_info: dict[str, Any]) -> Any:
            return parsed

    path = annotate(tmp_path, {"metainfo": {}, "data_list": [{"x": 0}]})
    with pytest.raises(TypeError, match=r"annotations\.json: data_list\[0\]: parse_data_info returns a dict"):
        Wrong(path)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ([1], TypeError, "holds a list"),
        ({"metainfo": {}}, ValueError, "data_list is missing"),
        ({}, ValueError, "metainfo and data_list is missing"),
    ],
)
def test_a_file_of_another_format_is_refused(
    tmp_path: Path, content: Any, error: type[Exception], message: str
) -> None:
    """The message says what is there instead."""
    with pytest.raises(error, match=message):
        BaseDataset(annotate(tmp_path, content))


def test_a_file_that_is_not_there() -> None:
    """It is looked for at once, unless the data set is lazy."""
    with pytest.raises(FileNotFoundError):
        BaseDataset("nowhere.json")
    with pytest.raises(TypeError):
        BaseDataset("")
    BaseDataset("nowhere.json", lazy_init=True)


def test_a_record_without_the_key_of_a_prefix(tmp_path: Path) -> None:
    """The default prefix wants `img_path`."""
    path = annotate(tmp_path, {"metainfo": {}, "data_list": [{"path": "1.jpg"}]})
    with pytest.raises(AssertionError, match="`data_prefix` has `img_path`"):
        BaseDataset(path)


# -- lazy --------------------------------------------------------------------------------------------------------


def test_a_lazy_data_set_is_filled_when_it_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    """With a warning; what the class says of it is known before."""
    dataset = Numbers(lazy_init=True)
    assert dataset.metainfo == {"classes": ("a", "b"), "task": "count"}
    assert caplog.text == ""
    assert len(dataset) == 10
    assert "Numbers.__len__ was called before full_init" in caplog.text
    assert dataset.metainfo["source"] == "file"


def test_full_init_is_done_once() -> None:
    """A second call changes nothing."""
    dataset = Numbers(lazy_init=True)
    dataset.full_init()
    dataset.get_subset_(3)
    dataset.full_init()
    assert len(dataset) == 3


def test_force_full_init_needs_a_full_init() -> None:
    """An object that has none cannot be filled."""

    class Bare:
        @force_full_init
        def first(self) -> None:
            raise AssertionError

    with pytest.raises(AttributeError, match="Bare has no full_init, which first needs"):
        Bare().first()


# -- samples -----------------------------------------------------------------------------------------------------


@BOTH
def test_each_access_gives_a_fresh_record(serialize: bool) -> None:
    """What a transform does to it stays with that sample."""
    dataset = Numbers(serialize_data=serialize)
    dataset[1]["x"] = 77
    assert dataset[1] == {"x": 1, "sample_idx": 1}
    assert dataset[-10] == {"x": 0, "sample_idx": 0}
    assert (dataset.data_list == []) == serialize


@BOTH
@pytest.mark.parametrize("index", [10, -11])
def test_a_sample_that_is_not_there(serialize: bool, index: int) -> None:
    """An IndexError, so that a data set can be iterated over."""
    with pytest.raises(IndexError, match=f"there is no sample {index} in a data set of 10"):
        Numbers(serialize_data=serialize)[index]
    assert len(list(Numbers(serialize_data=serialize))) == 10  # type: ignore[call-overload]


@BOTH
def test_a_data_set_may_be_empty(serialize: bool) -> None:
    """Filtering may leave nothing."""

    class Empty(Numbers):
        def filter_data(self) -> list[dict[str, Any]]:
            return []

    assert len(Empty(serialize_data=serialize)) == 0


def test_filter_data_sees_the_configuration() -> None:
    """The records that it returns are the data set; `indices` are taken of those."""

    class Filtered(Numbers):
        def filter_data(self) -> list[dict[str, Any]]:
            assert self.filter_cfg is not None
            return [record for record in self.data_list if record["x"] % self.filter_cfg["step"] == 0]

    assert xs(Filtered(filter_cfg={"step": 2}, indices=3)) == [0, 2, 4]


def test_another_sample_replaces_one_that_the_pipeline_refuses() -> None:
    """In training; the random number is that of the sample."""
    np.random.seed(0)
    dataset = Numbers(pipeline=[lambda record: record if record["x"] > 4 else None])
    assert all(dataset[0]["x"] > 4 for _ in range(20))


def test_a_pipeline_that_refuses_all_has_an_end() -> None:
    """After `max_refetch` other samples."""
    tried: list[int] = []
    dataset = Numbers(pipeline=[lambda record: tried.append(record["x"])], max_refetch=4)
    with pytest.raises(RuntimeError, match="sample 3 and for 4 others"):
        dataset[3]
    assert len(tried) == 5


def test_in_test_mode_no_sample_is_replaced() -> None:
    """A metric must see all of them."""
    tried: list[int] = []
    dataset = Numbers(pipeline=[lambda record: tried.append(record["x"])], test_mode=True)
    with pytest.raises(RuntimeError, match="in test mode"):
        dataset[3]
    assert tried == [3]


def test_the_classes_of_a_sample_are_for_subclasses_to_say() -> None:
    """The base class does not know them."""
    with pytest.raises(NotImplementedError, match="Numbers does not say the classes"):
        Numbers().get_cat_ids(0)


# -- subsets -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        (3, [0, 1, 2]),
        (-3, [7, 8, 9]),
        (0, []),
        (10, list(range(10))),
        (-10, list(range(10))),
        (99, list(range(10))),
        ([3, -1, 3], [3, 9, 3]),
        ((1,), [1]),
        (range(2, 4), [2, 3]),
        ([], []),
    ],
    ids=str,
)
def test_subsets_are_those_of_a_list(serialize: bool, indices: Any, expected: list[int]) -> None:
    """In place, as a copy, and by the constructor; the samples are numbered anew."""
    dataset = Numbers(serialize_data=serialize)
    subset = dataset.get_subset(indices)
    assert xs(subset) == xs(Numbers(serialize_data=serialize, indices=indices)) == expected
    assert [subset[place]["sample_idx"] for place in range(len(subset))] == list(range(len(expected)))
    assert xs(dataset) == list(range(10))
    dataset.get_subset_(indices)
    assert xs(dataset) == expected


@BOTH
def test_other_indices_are_refused(serialize: bool) -> None:
    """An array too, which would be ambiguous."""
    with pytest.raises(TypeError, match="got a ndarray"):
        Numbers(serialize_data=serialize).get_subset(np.array([1, 2]))  # type: ignore[arg-type]


def test_a_subset_is_a_data_set_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Its metainfo and pipeline are copies, its class is the same."""
    caplog.set_level(logging.WARNING)
    dataset = Numbers(pipeline=[dict])
    subset = dataset.get_subset(2)
    subset._metainfo["task"] = "other"
    assert type(subset) is Numbers
    assert subset.pipeline is not dataset.pipeline
    assert dataset.metainfo["task"] == "count"
    assert caplog.text == ""


@pytest.mark.parametrize("serialize", [True, False])
def test_a_subset_of_samples_that_are_not_there(serialize: bool) -> None:
    """Says which one, and how many there are."""
    dataset = Numbers(serialize_data=serialize)
    with pytest.raises(IndexError, match=rf"there is no sample 99 in a data set of {len(dataset)}"):
        dataset.get_subset([0, 99])
