"""Configuration files with inheritance, overrides and the origin of every value."""

__all__: list[str] = []
