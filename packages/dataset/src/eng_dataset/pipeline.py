"""A chain of transforms, each a callable from the data of one sample to the data of one sample."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eng_registry import TRANSFORMS

Transform = Callable[[Any], Any]


class Compose:
    """Transforms in a row; the first that returns None ends the row, and None is the result.

    An item is a callable or the configuration of one registered in `TRANSFORMS`.

    >>> Compose([lambda number: number + 1, str])(1)
    '2'

    Raises:
        TypeError: an item is neither, or what was built is not callable.
    """

    def __init__(self, transforms: Sequence[Mapping[str, Any] | Transform] | None) -> None:
        self.transforms = [_transform(item) for item in transforms or ()]

    def __call__(self, data: Any) -> Any | None:
        for transform in self.transforms:
            data = transform(data)
            if data is None:
                return None
        return data

    def __repr__(self) -> str:
        lines = "".join(f"\n    {transform}" for transform in self.transforms)
        return f"{type(self).__name__}({lines}\n)"


def _transform(item: Mapping[str, Any] | Transform) -> Transform:
    transform = TRANSFORMS.build(item) if isinstance(item, Mapping) else item
    if not callable(transform):
        raise TypeError(
            f"a transform is a callable or the configuration (a dict) of one, but got {type(transform).__name__}"
        )
    return transform
