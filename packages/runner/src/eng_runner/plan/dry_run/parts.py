"""The parts of a configuration, each built by itself, so that one mistake does not hide another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch

from eng_dataset import Loader, build_dataloader

from ...engine.hook import Hook, misspelled_points
from ...engine.length import loader_length
from ...engine.loops.named import are_named
from .. import assembly
from ..assembly import MODES
from ..check import known_scopes, static_problems
from ..default_hooks import merge_default_hooks
from ..keys import KEYS
from ..planned_length import length_of
from ..schedule_check import schedule_problems
from .findings import Notes
from .trial import without_workers


def read_configuration(notes: Notes) -> None:
    """What is wrong as it is written; an incomplete group is, unless a misspelled key explains it."""
    problems, unique = static_problems(notes.config)
    notes.findings.problems += unique
    for problem in problems:
        top = problem.path.partition(".")[0]
        notes.bad |= {top, *get_close_matches(top, KEYS, n=1, cutoff=0.8)}
    if notes.config.get("model") is None and "model" not in notes.bad:
        notes.note("model", "is missing; add `model = dict(type=...)`")
    scope = notes.config.get("default_scope", "eng")
    if isinstance(scope, str) and scope not in known_scopes():
        notes.note(
            "default_scope",
            f"no registry has the scope `{scope}`, so its names would not be found; there are "
            f"{', '.join(known_scopes())}; import the package that defines it in `custom_imports`, or leave it out",
        )
    for mode, names in MODES.items():
        given = [name for name in names if notes.config.get(name) is not None]
        missing = [name for name in names if name not in given]
        if given and missing and not notes.bad & set(names):
            notes.note(
                given[0],
                f"to {mode}, {' and '.join(f'`{name}`' for name in missing)} should be given too",
            )
            notes.bad |= set(names)


def look_for_files(notes: Notes) -> None:
    """The checkpoint to begin with is there, and where results go can be written to."""
    start = notes.config.get("load_from")
    if isinstance(start, str) and "://" not in start and not Path(start).expanduser().exists():
        notes.note("load_from", f"there is no {start}")
    above = existing_folder(notes.config.get("work_dir") or ".")
    if not os.access(above, os.W_OK):
        notes.note("work_dir", f"nothing can be written to {above}")


def build_loader(notes: Notes, mode: str) -> Loader | dict[str, Loader] | None:
    """The loader of a mode, or those of several named sets, after a first batch of each."""
    name = f"{mode}_dataloader"
    if notes.config.get(name) is None or name in notes.bad:
        return None
    if mode != "val" or not are_named(notes.config[name]):
        return _one_loader(notes, name, mode)
    found = {key: _one_loader(notes, f"{name}.{key}", f"{mode} {key}") for key in notes.config[name]}
    loaders = {key: loader for key, loader in found.items() if loader is not None}
    return loaders if len(loaders) == len(found) else None


def _one_loader(notes: Notes, path: str, fact: str) -> Loader | None:
    """In this process, so that an error shows itself."""
    built: list[Loader] = []
    with notes.trying(path, "building it"):
        spec = notes.config[path.partition(".")[0]]
        spec = spec[path.partition(".")[2]] if "." in path else spec
        loader = build_dataloader(without_workers(spec), seed=0, training=fact == "train")
        with notes.trying(path, "reading a batch"):
            if next(iter(loader), None) is None:
                notes.note(path, f"has no batch: {size_of(loader)} samples, batches of {loader.batch_size}")
                return None
            loader.set_position(0)
            notes.findings.facts[fact] = _describe(loader)
            built.append(loader)
    return built[0] if built else None


def build_hooks(notes: Notes) -> dict[str, Hook]:
    """Every hook by the path of its mapping."""
    built = {}
    given = notes.config.get("default_hooks") or {}
    specs: dict[str, Any] = {}
    if "default_hooks" not in notes.bad:
        with notes.trying("default_hooks", "merging them"):
            merged = merge_default_hooks(given)
            specs |= {f"default_hooks.{name}": spec for name, spec in merged.items()}
    if "custom_hooks" not in notes.bad:
        specs |= {f"custom_hooks.{i}": spec for i, spec in enumerate(notes.config.get("custom_hooks") or [])}
    for path, spec in specs.items():
        with notes.trying(path, "building it"):
            built[path] = assembly.build_hook(spec)[0]
            for name, meant in misspelled_points(built[path]).items():
                notes.note(path, f"its method `{name}` is called by no loop; did you mean `{meant}`?")
    return built


def build_model(notes: Notes) -> torch.nn.Module | None:
    """The model, if it can be built."""
    model = None
    if not {"model", "data_preprocessor"} & notes.bad:
        with notes.trying("model", "building it"):
            model = assembly.build_model(notes.config["model"], notes.config.get("data_preprocessor"))
            count = sum(parameter.numel() for parameter in model.parameters())
            notes.findings.facts["model"] = f"{type(model).__name__}, {count:,} parameters"
    return model


def check_schedules(notes: Notes, loader: Loader | None) -> None:
    """Check that schedules and the run have the same length."""
    config = notes.config
    if notes.are_bad(("param_scheduler", "train_cfg")) or config.get("param_scheduler") is None:
        return
    if isinstance(config.get("train_cfg"), Mapping) and isinstance(
        config.get("optim_wrapper") or {}, Mapping
    ):
        with notes.trying("train_cfg", "its length"):
            for path, what in schedule_problems(config, length_of(config, loader)):
                notes.note(path, what)


def size_of(loader: Loader) -> int | str:
    """Return the number of samples, or words for it where it is not known."""
    return len(loader.dataset) if hasattr(loader.dataset, "__len__") else "an unknown number of"


def _describe(loader: Loader) -> str:
    size, length = size_of(loader), loader_length(loader)
    samples = f"{size:,}" if isinstance(size, int) else size
    return f"{samples} samples" + (f", {length:,} batches" if length is not None else "")


def existing_folder(path: str) -> Path:
    """Return the nearest folder above a path that exists."""
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
