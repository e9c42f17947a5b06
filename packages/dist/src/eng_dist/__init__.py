"""Collectives that also work in one process, launchers, devices, seeds."""

__all__: list[str] = []
