"""A run as one HTML page: read what its folder holds (`run.py` and its helpers), put it on a page (`page.py`)."""
