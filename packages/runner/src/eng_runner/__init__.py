"""The training engine: runner, loops, hooks and the eng command."""

__all__: list[str] = []
