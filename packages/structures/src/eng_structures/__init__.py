"""Typed bags of tensors for the data of one sample."""

from eng_structures.element import BaseDataElement
from eng_structures.errors import ElementTypeError, ElementValueError
from eng_structures.instances import InstanceData
from eng_structures.labels import LabelData
from eng_structures.pixels import PixelData
from eng_structures.plain import from_plain, to_plain

__all__ = [
    "BaseDataElement",
    "ElementTypeError",
    "ElementValueError",
    "InstanceData",
    "LabelData",
    "PixelData",
    "from_plain",
    "to_plain",
]
