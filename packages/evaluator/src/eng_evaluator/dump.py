"""DumpResults: keep the predictions in a file, to evaluate them later."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, final

from eng_evaluator.gather import to_cpu
from eng_evaluator.metric import BaseMetric
from eng_evaluator.packing import self_contained
from eng_fileio import put
from eng_registry import METRICS

logger = logging.getLogger(__name__)


@final
@METRICS.register_module()
class DumpResults(BaseMetric):
    """Writes the predictions for all samples, in their order, to a pickle file; returns no number.

    The file is for `Evaluator.offline_evaluate`. Load it with trust only if you wrote it: pickles can run code.

    Raises:
        ValueError: `out_file_path` does not end with ``.pkl`` or ``.pickle``.
    """

    default_prefix: ClassVar[str | None] = ""

    def __init__(
        self, out_file_path: str, collect_device: str = "cpu", collect_dir: str | None = None
    ) -> None:
        if not out_file_path.endswith((".pkl", ".pickle")):
            raise ValueError(f"out_file_path ends with .pkl or .pickle, but it is {out_file_path!r}")
        super().__init__(collect_device=collect_device, collect_dir=collect_dir)
        self.out_file_path = out_file_path

    def process(self, data_batch: Any, predictions: Sequence[Any]) -> None:
        """Store copies of the predictions on the CPU."""
        self.results.extend(to_cpu(predictions))

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        """Write the file."""
        put(self_contained(results), self.out_file_path)
        logger.info("The predictions for %d samples are in %s.", len(results), self.out_file_path)
        return {}
