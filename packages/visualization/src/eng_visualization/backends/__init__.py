"""Where a run is kept: one file for each kind of place."""
