"""Lightning Fabric around the raw loop."""

from lightning.fabric import Fabric

from .workload import Net, loader, optimizer, schedule, show


def train(iterations: int) -> None:
    """Train for so many iterations."""
    fabric = Fabric(accelerator="cpu", devices=1)
    bare = Net()
    model, sgd = fabric.setup(bare, optimizer(bare))
    cosine = schedule(sgd.optimizer, iterations)
    for index, (x, y) in enumerate(fabric.setup_dataloaders(loader(iterations))):
        loss = model(x, y)
        fabric.backward(loss)
        sgd.step()
        sgd.zero_grad()
        cosine.step()
        show(index + 1, loss)
