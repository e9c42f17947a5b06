"""Showing an image to a person: a matplotlib window or notebook, or a window of OpenCV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eng_visualization.errors import ArgumentError, MissingClientError

__all__ = ["show", "wait_continue"]


def show(
    image: np.ndarray,
    *,
    win_name: str,
    wait_time: float,
    continue_key: str,
    backend: str,
    fig_cfg: Mapping[str, Any],
) -> Any:
    """See `Visualizer.show`."""
    if backend == "matplotlib":
        return _show_matplotlib(image, win_name, wait_time, continue_key, fig_cfg)
    if backend == "cv2":
        return _show_cv2(image, win_name, wait_time, continue_key)
    raise ArgumentError(f"backend must be 'matplotlib' or 'cv2', got {backend!r}")


def wait_continue(figure: Any, timeout: float = 0, continue_key: str = " ") -> int:
    """Wait until the key is pressed in the figure, its window is closed, or the time is over.

    Args:
        figure: A matplotlib figure.
        timeout: In seconds; 0 waits for ever.
        continue_key: Other keys keep it waiting.

    Returns:
        1 if the window was closed, else 0.
    """
    closed = False

    def on_event(event: Any) -> None:
        nonlocal closed
        if event.name == "close_event":
            closed = True
        elif event.name != "key_press_event" or event.key != continue_key:
            return
        figure.canvas.stop_event_loop()

    connections = [figure.canvas.mpl_connect(name, on_event) for name in ("key_press_event", "close_event")]
    try:
        figure.canvas.start_event_loop(timeout)
    finally:
        for connection in connections:
            figure.canvas.mpl_disconnect(connection)
    return int(closed)


def _show_matplotlib(
    image: np.ndarray, win_name: str, wait_time: float, continue_key: str, fig_cfg: Mapping[str, Any]
) -> Any:
    from matplotlib import pyplot

    figure = pyplot.figure(num=win_name, clear=True, **fig_cfg)
    axes = figure.add_subplot()
    axes.axis(False)
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
    axes.imshow(image)
    if "inline" in pyplot.get_backend():  # a notebook shows the figure that it is given
        return figure
    figure.canvas.draw_idle()
    if pyplot.get_backend().lower() != "agg":
        figure.show()
        wait_continue(figure, timeout=wait_time, continue_key=continue_key)
    return None


def _show_cv2(image: np.ndarray, win_name: str, wait_time: float, continue_key: str) -> None:
    try:
        import cv2
    except ImportError as error:
        raise MissingClientError("show(backend='cv2') needs OpenCV: pip install opencv-python") from error
    cv2.imshow(win_name, np.ascontiguousarray(image[..., ::-1]))
    deadline_ms = round(wait_time * 1000)
    while True:
        key = cv2.waitKey(deadline_ms) & 0xFF
        if deadline_ms or key == ord(continue_key[0]):
            return
