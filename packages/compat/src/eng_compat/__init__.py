"""MMEngine's names on eng: a drop-in mmengine."""

__all__: list[str] = []
