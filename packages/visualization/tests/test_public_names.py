import eng_visualization


def test_public_names_are_these():
    """A new public name is a decision, not an accident."""
    assert eng_visualization.__all__ == sorted(eng_visualization.__all__)
    assert eng_visualization.__all__ == [
        "AimVisBackend",
        "ArgumentError",
        "BackendWriter",
        "BaseVisBackend",
        "ClearMLVisBackend",
        "CometVisBackend",
        "DVCLiveVisBackend",
        "LocalVisBackend",
        "MLflowVisBackend",
        "MissingClientError",
        "NeptuneVisBackend",
        "NotARunError",
        "SwanLabVisBackend",
        "TensorboardVisBackend",
        "TrackioVisBackend",
        "VisBackendsType",
        "VisualizationError",
        "Visualizer",
        "WandbVisBackend",
        "check_length",
        "check_type",
        "check_type_and_length",
        "color_str2rgb",
        "color_val_matplotlib",
        "convert_overlay_heatmap",
        "force_init_env",
        "img_from_canvas",
        "tensor2ndarray",
        "value2list",
        "wait_continue",
        "write_report",
    ]
    assert all(hasattr(eng_visualization, name) for name in eng_visualization.__all__)
