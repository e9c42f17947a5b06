"""BaseModel, preprocessors, initialisation, wrappers and weight averaging."""

__all__: list[str] = []
