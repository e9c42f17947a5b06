"""The loop that everybody writes first."""

from .workload import Net, loader, optimizer, schedule, show


def train(iterations: int) -> None:
    """Train for so many iterations."""
    model = Net()
    sgd = optimizer(model)
    cosine = schedule(sgd, iterations)
    for index, (x, y) in enumerate(loader(iterations)):
        loss = model(x, y)
        loss.backward()
        sgd.step()
        sgd.zero_grad()
        cosine.step()
        show(index + 1, loss)
