"""Drawing and experiment tracking behind one small interface."""

__all__: list[str] = []
