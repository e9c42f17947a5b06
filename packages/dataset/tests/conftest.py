"""Puts this folder on the path, so that workers started by spawn find the data sets of `dataset_samples`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
