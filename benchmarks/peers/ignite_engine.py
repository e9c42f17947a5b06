"""Ignite's Engine with one handler that shows the loss."""

from ignite.engine import Engine, Events

from .workload import LOG_EVERY, Net, loader, optimizer, schedule


def train(iterations: int) -> None:
    """Train for so many iterations."""
    model = Net()
    sgd = optimizer(model)
    cosine = schedule(sgd, iterations)

    def step(engine, batch):
        loss = model(*batch)
        loss.backward()
        sgd.step()
        sgd.zero_grad()
        cosine.step()
        return loss

    trainer = Engine(step)

    @trainer.on(Events.ITERATION_COMPLETED(every=LOG_EVERY))
    def show_loss(engine):
        print(f"{engine.state.iteration} {engine.state.output.item():.4f}")

    trainer.run(loader(iterations), max_epochs=1)
