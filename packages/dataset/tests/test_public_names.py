"""What this package offers is decided here, on purpose."""

import eng_dataset


def test_the_public_names_are_these() -> None:
    """Adding or removing a name is a decision that shows in this list."""
    assert eng_dataset.__all__ == [
        "COLLATE_FUNCTIONS",
        "BaseDataset",
        "ClassBalancedDataset",
        "CollateError",
        "Compose",
        "ConcatDataset",
        "DefaultSampler",
        "InfiniteSampler",
        "Loader",
        "LoaderConfigError",
        "LoaderError",
        "LoaderTypeError",
        "RepeatDataset",
        "SampleError",
        "SeekableSampler",
        "WorkerError",
        "build_dataloader",
        "default_collate",
        "force_full_init",
        "pseudo_collate",
        "sample_key",
        "worker_init_fn",
    ]


def test_every_public_name_is_there() -> None:
    """No name of the list is missing in the package."""
    assert [name for name in eng_dataset.__all__ if not hasattr(eng_dataset, name)] == []
