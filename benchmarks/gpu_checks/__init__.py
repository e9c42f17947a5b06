"""Checks that need an accelerator, by subject; `benchmarks/gpu_road.py` runs each in a process of its own.

A check is a function that returns a line of figures, and raises `Failed` where the product does not do what it should.
"""
