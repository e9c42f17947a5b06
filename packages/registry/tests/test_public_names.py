"""The front door is a list that changes on purpose only."""

import eng_registry

REGISTRIES = [
    *[
        "DATASETS",
        "DATA_SAMPLERS",
        "EVALUATOR",
        "FUNCTIONS",
        "HOOKS",
        "INFERENCERS",
        "LOG_PROCESSORS",
        "LOOPS",
    ],
    *["METRICS", "MODELS", "MODEL_WRAPPERS", "OPTIMIZERS", "OPTIM_WRAPPER", "OPTIM_WRAPPERS"],
    *["OPTIM_WRAPPER_CONSTRUCTORS", "PARAM_SCHEDULERS", "RUNNERS", "RUNNER_CONSTRUCTORS", "STRATEGIES"],
    *["TASK_UTILS", "TRANSFORMS", "VISBACKENDS", "VISUALIZERS", "WEIGHT_INITIALIZERS"],
]
CLASSES = [
    *["AmbiguousNameError", "ArgumentsError", "BuildError", "DefaultScope", "InvalidConfigError"],
    *["MissingTypeError", "NotRegisteredError", "Registry", "RegistryError", "TakenError", "WrongTypeError"],
]
FUNCTIONS = [
    *["allow_import", "build_from_cfg", "build_model_from_cfg", "build_optimizer_from_cfg"],
    *["build_runner_from_cfg", "build_scheduler_from_cfg", "config_path", "count_registered_modules"],
    *["init_default_scope", "suggest", "traverse_registry_tree"],
]


def test_the_public_names_are_these_and_no_others():
    """A name that appears or disappears here is a decision about the interface."""
    assert eng_registry.__all__ == [*REGISTRIES, *CLASSES, *FUNCTIONS]


def test_every_public_name_is_there():
    """Each name of the list can be imported."""
    assert [name for name in eng_registry.__all__ if not hasattr(eng_registry, name)] == []
