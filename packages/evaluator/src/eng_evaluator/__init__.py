"""Metrics that count each sample exactly once."""

__all__: list[str] = []
