"""Drawing on images; matplotlib is imported when the first image is set, not before."""
