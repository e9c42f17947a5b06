"""What the commands that need a configuration share: its arguments, loading it, and telling what is wrong with it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from eng_config import Config, ConfigError, UntrustedConfigError, parse_overrides
from eng_registry import RegistryError

from ..plan.keys import KEYS

if TYPE_CHECKING:
    from ..runner import Runner

FAILED, WRONG_INPUT = 1, 2


class WrongInput(SystemExit):
    """Leave with exit code 2; the message is on stderr already."""

    def __init__(self) -> None:
        super().__init__(WRONG_INPUT)


def show_examples(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Let the help of a command end with command lines that can be copied."""
    parser.epilog = "\n".join(["examples:", *(f"  {example}" for example in examples)])


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The configuration file and what changes it."""
    parser.add_argument("config", help="a configuration file: .py, .yaml, .json or .toml")
    parser.add_argument("--work-dir", help=f"{KEYS['work_dir'].help} (default: work_dirs/<name of the file>)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="override values, for example optim_wrapper.optimizer.lr=0.01",
    )
    parser.add_argument(
        "--launcher",
        choices=KEYS["launcher"].choices,
        help=KEYS["launcher"].help,
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="the file is yours: a .yaml, .json or .toml, too, may import modules and have bases that run",
    )


def add_checkpoint_argument(parser: argparse.ArgumentParser, doing: str) -> None:
    """The checkpoint of a command that does not train, and how strictly it has to fit."""
    parser.add_argument("checkpoint", help=f"the checkpoint whose weights {doing}")
    parser.add_argument(
        "--partly",
        action="store_true",
        help="accept a checkpoint that fits the model only partly; the rest of the model stays as it begins",
    )


def load_weights_of(runner: Runner, options: argparse.Namespace) -> None:
    """Load the checkpoint of the command line: all of it and nothing else, unless `--partly` was said."""
    from eng_checkpoint import StateMismatchError
    from eng_dist import is_main_process

    with damage_told():
        try:
            runner.load_checkpoint(options.checkpoint, strict=not options.partly)
        except StateMismatchError as error:
            if is_main_process():
                print(
                    f"error: {options.checkpoint}: {error}\nWith --partly what fits is loaded, and the rest of the "
                    "model stays as it begins.",
                    file=sys.stderr,
                )
            raise SystemExit(FAILED) from error


def load_config(options: argparse.Namespace) -> Config:
    """The configuration with the command line's changes."""
    with told_plainly():
        _import_from_beside(options.config)
        config = Config.fromfile(options.config, trust=True if options.trust else None)
        if options.cfg_options:
            config.merge_from_dict(parse_overrides(options.cfg_options), recompute=True)
        if options.work_dir is not None:
            set_from_arguments(config, work_dir=options.work_dir)
        elif config.get("work_dir") is None:
            config["work_dir"] = str(Path("work_dirs") / Path(options.config).stem)
        if options.launcher is not None:
            set_from_arguments(config, launcher=options.launcher)
        return config


def set_from_arguments(config: Config, **values: str | bool | None) -> None:
    """Set values at the top that an argument of the command gave, which is where an error says they are from."""
    given = parse_overrides([])
    given.update(values)
    config.merge_from_dict(given)


def _import_from_beside(filename: str) -> None:
    """Let `custom_imports` find modules that lie beside the file, as `python file.py` would."""
    if os.path.isfile(filename):
        sys.path.insert(0, str(Path(filename).resolve().parent))


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error in the user's input into its message on stderr and exit code 2, without a traceback.

    Any error counts that came up while a part of the configuration was built: the registry has noted the place.
    """
    try:
        yield
    except UntrustedConfigError as error:
        print(f"error: {str(error).replace('`trust=True`', '--trust')}", file=sys.stderr)
        raise WrongInput from error
    except (ConfigError, RegistryError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise WrongInput from error
    except Exception as error:
        _tell_if_known(error)
        places = [note for note in getattr(error, "__notes__", ()) if "while building" in note]
        if not places:
            raise
        print("\n  ".join([f"error: {type(error).__name__}: {error}", *places]), file=sys.stderr)
        raise WrongInput from error


def _tell_if_known(error: Exception) -> None:
    """Leave with a sentence for a checkpoint or folder that cannot be used (1), a job that was not started so (2)."""
    from urllib.error import URLError

    from eng_checkpoint import CheckpointError
    from eng_dist import LaunchError

    from ..state.work_dir_lock import WorkDirInUseError

    if isinstance(error, URLError):
        print(f"error: the checkpoint cannot be fetched: {error.reason}", file=sys.stderr)
        raise SystemExit(FAILED) from error
    if isinstance(error, (CheckpointError, WorkDirInUseError)):
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(FAILED) from error
    if isinstance(error, LaunchError):
        print(
            f"error: {error}; start it as `torchrun --nproc-per-node 2 -m eng_runner ... --launcher pytorch` "
            "does, or leave --launcher out for one process",
            file=sys.stderr,
        )
        raise WrongInput from error


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what is wrong with a checkpoint that is read here into its message and exit code 1."""
    try:
        yield
    except Exception as error:
        _tell_if_known(error)
        raise


def require_checkpoint(name: str) -> None:
    """A file that is not there is told before anything is built; places other than this machine are not asked."""
    path = Path(name).expanduser()
    if "://" in name or path.exists():
        return
    beside = [other.name for other in path.parent.glob("*.pth")] if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, n=1)
    also = (
        f" (did you mean `{near[0]}`?)"
        if near
        else f"; there is: {', '.join(sorted(beside))}"
        if beside
        else ""
    )
    raise FileNotFoundError(f"there is no checkpoint `{name}`{also}")
