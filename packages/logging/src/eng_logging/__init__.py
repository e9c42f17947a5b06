"""Run history, log files and console for training."""

__all__: list[str] = []
