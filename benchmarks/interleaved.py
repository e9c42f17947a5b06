"""Times of two things as a ratio that other programs on the machine disturb least: they run turn by turn."""

import statistics
import time

SECONDS = 1.0


def ratio(ours, theirs):
    """Median over interleaved rounds of time per call, ours over theirs."""
    for call in (ours, theirs):
        for _ in range(3):
            call()
    start = time.perf_counter()
    ours()
    calls = max(1, int(0.02 / max(time.perf_counter() - start, 1e-6)))
    ratios, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(ratios) < 5:
        spent = []
        for call in (ours, theirs):
            start = time.perf_counter()
            for _ in range(calls):
                call()
            spent.append(time.perf_counter() - start)
        ratios.append(spent[0] / spent[1])
    return statistics.median(ratios)
