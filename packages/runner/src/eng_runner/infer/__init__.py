"""Predictions for inputs that are in no data set: a file, an image, a sentence. Importing this fills INFERENCERS."""

from .base import BaseInferencer

__all__ = ["BaseInferencer"]
