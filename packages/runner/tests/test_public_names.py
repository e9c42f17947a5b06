"""The front door of the package, name by name."""

import eng_runner


def test_public_names():
    """What is public changes only on purpose."""
    assert eng_runner.__all__ == [
        "BaseInferencer",
        "BaseLoop",
        "BaseStrategy",
        "CheckpointHook",
        "Clock",
        "DDPStrategy",
        "DeepSpeedStrategy",
        "DistSamplerSeedHook",
        "EMAHook",
        "EarlyStoppingHook",
        "EmptyCacheHook",
        "EpochBasedTrainLoop",
        "Every",
        "FSDPStrategy",
        "Findings",
        "FeatureMapHook",
        "FreezeHook",
        "GarbageCollectionHook",
        "Hook",
        "Interrupted",
        "IterBasedTrainLoop",
        "IterTimerHook",
        "LogProcessor",
        "LoggerHook",
        "NaiveVisualizationHook",
        "NonFiniteError",
        "NonFiniteHook",
        "ParamSchedulerHook",
        "PredictLoop",
        "PrepareTTAHook",
        "Priority",
        "ProfilerHook",
        "ProgressHook",
        "Run",
        "Runner",
        "RuntimeInfoHook",
        "SingleDeviceStrategy",
        "Summary",
        "SyncBuffersHook",
        "TensorParallelStrategy",
        "TestLoop",
        "ThroughputHook",
        "ValLoop",
        "autocast",
        "build_runner_with_tta",
        "calc_dynamic_intervals",
        "get_priority",
        "publish",
        "rehearse",
        "render",
        "set_random_seed",
        "summarize",
        "turn_on_activation_checkpointing",
    ]


def test_every_name_opens():
    """The lazy front door leads somewhere for each name."""
    assert [name for name in eng_runner.__all__ if getattr(eng_runner, name).__name__ != name] == []
