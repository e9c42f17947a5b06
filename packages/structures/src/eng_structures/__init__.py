"""Typed bags of tensors for the data of one sample."""

__all__: list[str] = []
