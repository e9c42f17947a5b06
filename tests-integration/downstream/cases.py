"""The cases that are recorded, and what each needs; imported by the tests and by what runs a case."""

from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"

TRAININGS = {
    "mmpretrain_resnet18": "mmpretrain",
    "mmpretrain_resnet18_accumulate_2": "mmpretrain",
    "mmpretrain_resnet18_accumulate_3": "mmpretrain",
    "mmdet_retinanet": "mmdet",
    "mmdet_rtmdet": "mmdet",
    "mmdet_rtmdet_shared": "mmdet",
    "mmocr_crnn": "mmocr",
}
"""Name of a training -> the project it needs."""

PROJECTS = {
    "mmpretrain": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmdet": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmseg": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmpose": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmaction": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmocr": ("apis", "models", "datasets", "evaluation", "engine", "visualization"),
    "mmyolo": ("models", "datasets", "engine"),
    "mmrotate": ("apis", "models", "datasets", "evaluation", "visualization"),
}
"""Import name of each project -> the packages below it that a user imports."""

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "rules": ("rules", "grid"),
    "deformable_rules": ("rules", "deformable"),
    "merges": ("merges", "merges"),
    "drawn_merges": ("merges", "drawn_merges"),
    **{f"shipped_{project}": ("shipped", "configurations", project) for project in PROJECTS},
}
"""Name of a case that trains nothing -> module, function and arguments."""

NEEDS: dict[str, str | None] = {
    **dict.fromkeys(FUNCTIONS),
    "deformable_rules": "mmcv",
    **{f"shipped_{project}": project for project in PROJECTS},
    **TRAININGS,
}
"""Name of each case -> the project it needs, if any."""

ONLY_READ = ("mmcv", "mmagic", "mmdet3d", "mmselfsup", "mmcls", "mmrazor", "xtuner")
"""Projects that need more than this environment has to be imported, and whose sources are read all the same."""
