"""Train from a configuration file in four lines.

python examples/runner_tutorial/train.py
"""

from pathlib import Path

import parts  # noqa: F401 - registers the model, the dataset and the metric

from eng_config import Config
from eng_runner import Runner


def main():
    config = Config.fromfile(Path(__file__).with_name("config.py"))
    runner = Runner.from_cfg(config)
    runner.train()


if __name__ == "__main__":
    main()
