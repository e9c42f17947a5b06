"""The history at the millionth iteration: `python benchmarks/logging_history.py`.

Time of one `record` of ten scalars (reading them now and then included), of a mean over 50 values and of the state, and
its size: in the first iterations and in those before the millionth. Beside it the least that anything could do,
appending to ten deques.
"""

import json
import time
from collections import deque

from eng_logging import MessageHub

SCALARS = {f"train/scalar_{i}": 0.5 for i in range(10)}
BLOCK = 20_000


def main() -> None:
    hub, done = MessageHub("bench"), 0
    for target in (1_000, BLOCK, 1_000_000 - BLOCK, 1_000_000):
        begin = time.perf_counter()
        for _ in range(target - done):
            hub.record(SCALARS)
        hub.settle()
        record = (time.perf_counter() - begin) / (target - done)
        done = target
        begin = time.perf_counter()
        for key in SCALARS:
            hub.get_scalar(key).mean(50)
        mean = (time.perf_counter() - begin) / len(SCALARS)
        begin = time.perf_counter()
        state = hub.state_dict()
        took = time.perf_counter() - begin
        print(
            f"{target:>9,} iterations: record {record * 1e6:5.2f} us, mean of 50 {mean * 1e6:4.1f} us, "
            f"state {len(json.dumps(state)):,} bytes in {took * 1e3:.2f} ms"
        )
    bare = {key: deque(maxlen=100_000) for key in SCALARS}
    begin = time.perf_counter()
    for _ in range(BLOCK):
        for key, value in SCALARS.items():
            bare[key].append(value)
    print(f"ten bare appends:            {(time.perf_counter() - begin) / BLOCK * 1e6:5.2f} us")


if __name__ == "__main__":
    main()
