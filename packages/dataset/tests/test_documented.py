"""What the documents of MMEngine show of data sets, samplers and collate functions, and what others build upon."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from dataset_samples import Classes
from torch.utils.data import DataLoader, Dataset, Sampler

from eng_dataset import (
    BaseDataset,
    ClassBalancedDataset,
    Compose,
    ConcatDataset,
    DefaultSampler,
    RepeatDataset,
    build_dataloader,
    default_collate,
)
from eng_registry import DATA_SAMPLERS, DATASETS, FUNCTIONS, TRANSFORMS


class Tensors(Dataset[Any]):
    """In the place of torchvision's CIFAR10: images and labels, with a transform."""

    def __init__(self, root: str, train: bool, transform: Any = None) -> None:
        self.root, self.train, self.transform = root, train, transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        image = torch.full((3, 2, 2), float(index))
        return self.transform(image) if self.transform else image, index


@DATASETS.register_module(name="CifarInATest", force=True)
def build_cifar(transform: Any = None, **kwargs: Any) -> Tensors:
    if isinstance(transform, dict):
        transform = [transform]
    if isinstance(transform, (list, tuple)):
        transform = Compose(transform)
    return Tensors(**kwargs, transform=transform)


@TRANSFORMS.register_module(name="ScaleInATest", force=True)
class Scale:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return image * self.by


@DATA_SAMPLERS.register_module(name="MySamplerInATest", force=True)
class MySampler(Sampler[int]):
    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        self.dataset, self.seed = dataset, seed

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.dataset) - 1, -1, -1))

    def __len__(self) -> int:
        return len(self.dataset)


@FUNCTIONS.register_module(name="my_collate_in_a_test", force=True)
def my_collate_func(data_batch: Sequence[Any]) -> Any:
    return [label for _, label in data_batch]


def test_a_data_set_of_another_library_in_a_configuration() -> None:
    """A registered function builds it, with transforms by name; the data need not be a dict."""
    loader = build_dataloader(
        {
            "batch_size": 4,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": {
                "type": "CifarInATest",
                "root": "data/cifar10",
                "train": True,
                "transform": [{"type": "ScaleInATest", "by": 2}, {"type": "ScaleInATest", "by": 0.5}],
            },
            "collate_fn": {"type": "default_collate"},
        },
        seed=0,
    )
    images, labels = next(iter(loader))
    assert images.shape == (4, 3, 2, 2)
    assert labels.tolist() == images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_a_sampler_and_a_collate_function_of_ones_own() -> None:
    """Registered, and named in the configuration; the sampler is given the data set and the seed."""
    cfg = {
        "batch_size": 3,
        "dataset": Tensors("", train=False),
        "sampler": {"type": "MySamplerInATest"},
        "collate_fn": {"type": "my_collate_in_a_test"},
    }
    loader = build_dataloader(cfg, seed=7)
    assert list(loader) == [[7, 6, 5], [4, 3, 2], [1, 0]]
    assert loader.sampler.seed == 7


def test_a_loader_with_a_sampler_made_by_hand() -> None:
    """Nearly equivalent to the mapping, as the documents say; here equal, if the seed is."""
    dataset = Tensors("", train=True)
    by_hand = DataLoader(
        batch_size=3,
        sampler=DefaultSampler(dataset, shuffle=True, seed=0),
        dataset=dataset,
        collate_fn=default_collate,
    )
    loader = build_dataloader(by_hand, seed=0)
    cfg = {
        "batch_size": 3,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "dataset": dataset,
        "collate_fn": {"type": "default_collate"},
    }
    assert loader.dataloader is by_hand
    assert [labels.tolist() for _, labels in loader] == [
        labels.tolist() for _, labels in build_dataloader(cfg, seed=0)
    ]


class Overriding(BaseDataset):
    """Overrides what downstream libraries override; `called` says what the base class has asked for."""

    def __init__(self, **options: Any) -> None:
        self.called: list[str] = []
        super().__init__(**options)

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        return super()._load_metainfo(metainfo) | {"loaded": True}

    def _join_prefix(self) -> None:
        self.called.append("_join_prefix")
        super()._join_prefix()

    def load_data_list(self) -> list[dict[str, Any]]:
        self.called.append("load_data_list")
        self._metainfo["read"] = self.ann_file
        return [{"x": x} for x in range(6)]

    def filter_data(self) -> list[dict[str, Any]]:
        self.called.append("filter_data")
        return self.data_list[1:]

    def _get_unserialized_subset(self, indices: Any) -> list[dict[str, Any]]:
        self.called.append("_get_unserialized_subset")
        return super()._get_unserialized_subset(indices)

    def _serialize_data(self) -> tuple[Any, Any]:
        self.called.append("_serialize_data")
        return super()._serialize_data()

    def _get_serialized_subset(self, indices: Any) -> tuple[Any, Any]:
        self.called.append("_get_serialized_subset")
        return super()._get_serialized_subset(indices)

    def _copy_without_annotation(self, memo: Any = None) -> BaseDataset:
        self.called.append("_copy_without_annotation")
        return super()._copy_without_annotation(memo)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        return super().get_data_info(idx) | {"seen": True}

    def prepare_data(self, idx: int) -> Any:
        return {**super().prepare_data(idx), "prepared": True}


def test_the_points_where_others_override() -> None:
    """Each is asked for, once, in the documented order."""
    dataset = Overriding(ann_file="a.json", data_root="root", data_prefix={"img": "b"}, indices=4)
    expected = [
        "_join_prefix",
        "load_data_list",
        "filter_data",
        "_get_unserialized_subset",
        "_serialize_data",
    ]
    assert dataset.called == expected
    assert dataset.metainfo == {"loaded": True, "read": "root/a.json"}
    assert dataset[0] == {"x": 1, "sample_idx": 0, "seen": True, "prepared": True}
    assert (dataset.data_list, dataset._indices, dataset._fully_initialized) == ([], 4, True)
    dataset.called.clear()
    assert len(dataset.get_subset([3, 1])) == 2
    assert dataset.called == ["_copy_without_annotation", "_get_serialized_subset"]


def test_the_attributes_that_others_read() -> None:
    """By their documented names."""
    names = (
        "ann_file data_prefix data_root filter_cfg pipeline test_mode serialize_data max_refetch data_list"
    )
    assert set(names.split()) <= vars(Classes([0, 1])).keys()


def test_what_wrappers_show() -> None:
    """What they hold, and which sample of which data set is meant."""
    concat = ConcatDataset([Classes([0] * 3), Classes([0] * 4)])
    assert (len(concat.datasets), concat.cumulative_sizes) == (2, [3, 7])
    assert [concat._get_ori_dataset_idx(idx) for idx in (0, 2, 3, 6, -1)] == [
        (0, 0),
        (0, 2),
        (1, 0),
        (1, 3),
        (1, 3),
    ]
    assert RepeatDataset(Classes([0]), times=3).times == 3
    classes = [0] * 6 + [1] * 2 + [2, None]
    balanced = ClassBalancedDataset(Classes(classes), oversample_thr=0.5)
    assert balanced.repeat_indices == [*range(6), 6, 6, 7, 7, 8, 8, 8, 9]
