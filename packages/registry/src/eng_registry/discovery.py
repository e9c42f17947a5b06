"""Where names come from that are not imported yet: a registry's own locations, and entry points.

A package says in its metadata which of its modules fills which registry:

    [project.entry-points."eng_registry"]
    models = "my_package.models"

Both are imported on the first miss and never again. The owner of the registry names the locations, so an error
of theirs is raised. One broken entry point must not hide the others: its error is kept until a name is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from eng_registry.log import logger

GROUP = "eng_registry"


class Failure:
    """An entry point that could not be imported, and why."""

    __slots__ = ("error", "source")

    def __init__(self, source: str, error: Exception) -> None:
        self.source = source
        self.error = error


class Source:
    """What may fill one registry: modules to import, entry points to load, a distribution to install."""

    __slots__ = ("entry_point", "failures", "is_complete", "label", "locations", "provider")

    def __init__(
        self, label: str, locations: Sequence[str], entry_point: str | None, provider: str | None
    ) -> None:
        self.label = label
        self.locations = tuple(locations)
        self.entry_point = entry_point
        self.provider = provider
        self.is_complete = False
        self.failures: list[Failure] = []

    def complete(self) -> bool:
        """Import everything that may fill the registry; False if that was done before."""
        if self.is_complete:
            return False
        self._import_locations()
        self._import_entry_points()
        self.is_complete = True
        return True

    def missing_provider(self) -> str | None:
        """The distribution that would fill the registry and is not installed."""
        if self.provider is None:
            return None
        # imported here: it costs more than this package, and only a failure needs it
        from importlib.metadata import PackageNotFoundError, version

        try:
            version(self.provider)
        except PackageNotFoundError:
            return self.provider
        return None

    def _import_locations(self) -> None:
        for location in self.locations:
            try:
                import_module(location)
            except Exception as error:
                error.add_note(f"while importing `{location}`, a location of the {self.label} registry")
                raise

    def _import_entry_points(self) -> None:
        if self.entry_point is None:
            return
        from importlib.metadata import entry_points  # as above: only a miss needs it

        self.failures.clear()
        for point in entry_points(group=GROUP):
            if point.name != self.entry_point and not point.name.startswith(f"{self.entry_point}."):
                continue
            try:
                point.load()
            except Exception as error:
                distribution = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
                source = f"entry point `{point.name} = {point.value}`{distribution}"
                self.failures.append(Failure(source, error))
                logger(__name__).warning(
                    "%s: the %s could not be imported", self.label, source, exc_info=error
                )
