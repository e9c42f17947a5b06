"""Datasets, seekable samplers and loaders that resume exactly."""

__all__: list[str] = []
