"""Whether a public method is a user's own: a fast path asks first, once, and then costs nothing."""

from __future__ import annotations


def is_overridden(instance: object, name: str, base: type) -> bool:
    """Whether `instance` has another method `name` than `base`, by its class or set on the instance.

    >>> class Base:
    ...     def run_iter(self): ...
    >>> class Own(Base):
    ...     def run_iter(self): ...
    >>> is_overridden(Base(), "run_iter", Base), is_overridden(Own(), "run_iter", Base)
    (False, True)
    """
    return name in vars(instance) or getattr(type(instance), name, None) is not getattr(base, name, None)
