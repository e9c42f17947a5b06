"""The version of this distribution, as its metadata states it."""

from importlib.metadata import version

__version__ = version("eng-runner")
