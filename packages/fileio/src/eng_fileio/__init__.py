"""One load/dump/get/put for many places and formats, with atomic writes."""

__all__: list[str] = []
