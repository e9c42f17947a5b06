"""Lightning's Trainer with its CSV logger, one logged loss, no bar and no checkpoint."""

import tempfile
import warnings

import lightning.pytorch as pl

from .workload import LOG_EVERY, Net, loader, optimizer, schedule


class Module(pl.LightningModule):
    """The net, its optimizer and its schedule."""

    def __init__(self, iterations: int) -> None:
        super().__init__()
        self.net, self.iterations = Net(), iterations

    def training_step(self, batch, batch_idx):
        loss = self.net(*batch)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        sgd = optimizer(self)
        return [sgd], [{"scheduler": schedule(sgd, self.iterations), "interval": "step"}]


def train(iterations: int) -> None:
    """Train for so many iterations."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        pl.Trainer(
            max_steps=iterations, accelerator="cpu", default_root_dir=folder, log_every_n_steps=LOG_EVERY,
            logger=pl.loggers.CSVLogger(folder), enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(Module(iterations), loader(iterations))  # fmt: skip
