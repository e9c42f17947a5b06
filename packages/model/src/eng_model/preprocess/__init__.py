"""What happens to a batch between the loader and the model: the move to the device, normalising, stacking."""
