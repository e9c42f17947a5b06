"""Optimizer steps, parameter groups and schedules for any training loop."""

__all__: list[str] = []
