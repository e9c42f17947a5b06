"""`python -m eng_runner train ...`, for `torchrun -m`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
