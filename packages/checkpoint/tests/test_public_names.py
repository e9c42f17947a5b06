import eng_checkpoint


def test_public_names():
    """What is public is decided on purpose: this list changes together with the front door."""
    expected = [
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
    assert expected == eng_checkpoint.__all__
    assert all(hasattr(eng_checkpoint, name) for name in expected)
