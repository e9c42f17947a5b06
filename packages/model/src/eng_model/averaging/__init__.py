"""A second set of weights that follows the trained one: the mean of what it has been."""
