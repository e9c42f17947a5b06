"""Colours as people write them: a name that matplotlib knows, or red, green and blue from 0 to 255."""

from __future__ import annotations

from typing import Any

__all__ = ["color_str2rgb", "color_val_matplotlib"]


def color_val_matplotlib(colors: Any) -> Any:
    """What matplotlib understands, for a name, an RGB tuple from 0 to 255, or a list of these.

    Raises:
        TypeError: If it is something else.
        ValueError: For a name that matplotlib does not know, or a channel that is not from 0 to 255.

    Example:
        >>> color_val_matplotlib([(255, 0, 51), "g"])
        [(1.0, 0.0, 0.2), 'g']
    """
    if isinstance(colors, str):
        from matplotlib.colors import is_color_like

        if not is_color_like(colors):
            raise ValueError(
                f"{colors!r} is no colour; names are those of matplotlib, such as 'g', 'orange' or '#ff7f0e'"
            )
        return colors
    if isinstance(colors, tuple):
        if len(colors) not in (3, 4):
            raise TypeError(f"a colour is a name or (red, green, blue) from 0 to 255, got {colors}")
        if not all(0 <= channel <= 255 for channel in colors):
            raise ValueError(f"the channels of a colour are from 0 to 255, got {colors}")
        return tuple(channel / 255 for channel in colors)
    if isinstance(colors, list):
        return [color_val_matplotlib(color) for color in colors]
    raise TypeError(f"a colour is a str, a tuple or a list of these, got {type(colors).__name__}")


def color_str2rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue from 0 to 255 for a name.

    Example:
        >>> color_str2rgb("orange")
        (255, 165, 0)
    """
    from matplotlib.colors import to_rgb

    red, green, blue = (round(channel * 255) for channel in to_rgb(color))
    return red, green, blue
