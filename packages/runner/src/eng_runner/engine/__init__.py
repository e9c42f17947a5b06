"""The run under way: one iteration, the order of a run, hooks, the clock. Imports no other wing."""
