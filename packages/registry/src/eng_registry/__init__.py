"""A registry for any project: names to objects, objects from mappings."""

__all__: list[str] = []
