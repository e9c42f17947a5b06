"""Accelerate around the raw loop, with `accumulate`."""

from accelerate import Accelerator

from .workload import Net, loader, optimizer, schedule, show


def train(iterations: int) -> None:
    """Train for so many iterations."""
    accelerator = Accelerator(cpu=True)
    bare = Net()
    sgd = optimizer(bare)
    model, sgd, batches, cosine = accelerator.prepare(
        bare, sgd, loader(iterations), schedule(sgd, iterations)
    )
    for index, (x, y) in enumerate(batches):
        with accelerator.accumulate(model):
            loss = model(x, y)
            accelerator.backward(loss)
            sgd.step()
            cosine.step()
            sgd.zero_grad()
        show(index + 1, loss)
