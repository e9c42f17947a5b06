"""What recording costs the training thread, beside one small training step: `python benchmarks/visualization_step.py`.

Local files and TensorBoard are on. The backends work on threads of their own; what is measured is what the loop
waits for. The raw step is a two-layer network of 256 units on a batch of 64.
"""

import logging
import statistics
import tempfile
import time

import torch
from torch import nn

from eng_visualization import Visualizer


def milliseconds(act, times: int) -> float:
    """The median over `times` calls."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(found)


def main() -> None:
    logging.getLogger("eng_visualization").setLevel(
        logging.ERROR
    )  # the queue overflows at this pace: that is meant
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(64, 256), torch.randint(0, 10, (64,))

    def step() -> None:
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    backends = [{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend"}]
    visualizer = Visualizer(vis_backends=backends, save_dir=tempfile.mkdtemp())
    scalars = {f"train/loss_{i}": 0.1 * i for i in range(8)}
    visualizer.add_scalars(scalars, 0)
    visualizer.flush()

    def record() -> None:
        visualizer.add_scalars(scalars, 1)

    def write_directly() -> None:
        for name in ("LocalVisBackend", "TensorboardVisBackend"):
            visualizer._vis_backends[name].add_scalars(scalars, 1)

    raw = milliseconds(step, 300)
    recorded = milliseconds(record, 300)
    visualizer.flush()
    direct = milliseconds(write_directly, 300)
    visualizer.close()
    print(f"one raw step                      {raw:8.3f} ms")
    print(f"recording 8 scalars               {recorded:8.3f} ms   {recorded / raw:6.2f} x the raw step")
    print(f"the same, written by the loop     {direct:8.3f} ms   {direct / raw:6.2f} x the raw step")


if __name__ == "__main__":
    main()
