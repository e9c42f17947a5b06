"""What can be wrong with a value that is put into an element.

Each is also an AssertionError, which is what code written for MMEngine's elements catches.
"""


class ElementTypeError(TypeError, AssertionError):
    """A value, key or index of a type that the element does not take."""


class ElementValueError(ValueError, AssertionError):
    """A value whose length, shape or content does not agree with the element."""
