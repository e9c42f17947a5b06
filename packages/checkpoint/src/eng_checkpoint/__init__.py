"""Crash-safe, verified, safe-to-load checkpoints for any training loop."""

__all__: list[str] = []
