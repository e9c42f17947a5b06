"""What a place that keeps images, scalars and configurations has to offer.

A subclass of `BaseVisBackend` overrides the few methods that it can serve. It may raise, hang or lose its
disk: the visualizer feeds it through a `BackendWriter`, which keeps all that away from training.
"""
# ruff: noqa: B027  what a backend does not override, it does not serve: doing nothing is right

from __future__ import annotations

import functools
import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from eng_visualization.errors import MissingClientError

__all__ = ["BaseVisBackend", "force_init_env"]

F = TypeVar("F", bound=Callable[..., Any])


def force_init_env(old_func: F) -> F:
    """Decorator for methods of a backend: the first use of any of them calls ``_init_env`` before.

    So a backend that is made and never used imports nothing and leaves nothing on disk.

    Raises:
        AttributeError: On call, if the object has no ``_init_env``.
    """

    @functools.wraps(old_func)
    def initialised(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(self, "_init_env"):
            raise AttributeError(f"{type(self).__name__} has no _init_env, which {old_func.__name__} needs")
        if not getattr(self, "_env_initialized", False):
            self._env_initialized = True
            try:
                self._init_env()
            except BaseException:
                self._env_initialized = False
                raise
        return old_func(self, *args, **kwargs)

    return cast(F, initialised)


class BaseVisBackend(ABC):
    """The interface of all backends.

    Args:
        save_dir: The folder that belongs to this backend; made when something is written.

    Example:
        >>> class Printer(BaseVisBackend):
        ...     experiment = None
        ...
        ...     def _init_env(self):
        ...         pass
        ...
        ...     def add_scalar(self, name, value, step=0, **kwargs):
        ...         print(f"{step}: {name} = {value}")
        >>> Printer("anywhere").add_scalar("loss", 0.5, step=3)
        3: loss = 0.5
    """

    clients: ClassVar[tuple[str, ...]] = ()
    """The modules that must be importable."""

    extra: ClassVar[str] = ""
    """The extra of eng-visualization that brings them."""

    def __init__(self, save_dir: str | Path | None) -> None:
        self._save_dir = None if save_dir is None else str(save_dir)
        self._env_initialized = False

    @property
    @abstractmethod
    def experiment(self) -> Any:
        """The object that really writes, for what this interface does not offer."""

    @abstractmethod
    def _init_env(self) -> None:
        """Import the client, make the folder, begin the run. Called once, by `force_init_env`."""

    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the configuration of the run."""

    def add_graph(self, model: Any, data_batch: Any, **kwargs: Any) -> None:
        """Keep the structure of the model."""

    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an image: an RGB array of shape (H, W, 3) and dtype uint8."""

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep one number."""

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""

    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Keep plain data that is true for the whole run; a fact of the same name is replaced."""

    def resume_from(self, step: int) -> None:
        """Forget what was written for later steps than `step`: the run goes on from there."""

    def close(self) -> None:
        """Write what waits, and end."""

    @classmethod
    def require_clients(cls) -> None:
        """Check, without importing them, that the clients are installed.

        Raises:
            MissingClientError: If one is missing; it says how to install it.
        """
        for client in cls.clients:
            if not _is_installed(client):
                raise _missing(cls, client)

    @classmethod
    def _client(cls, module: str) -> Any:
        """Import a client on first use."""
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise _missing(cls, module) from error


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _missing(cls: type[BaseVisBackend], module: str) -> MissingClientError:
    hint = f'pip install "eng-visualization[{cls.extra}]"' if cls.extra else f"pip install {module}"
    return MissingClientError(f"{cls.__name__} needs the module `{module}`, which cannot be imported: {hint}")
