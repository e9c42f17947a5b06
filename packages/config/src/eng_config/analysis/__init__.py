"""What the text of a configuration file says, found without executing it: one parse, and a walk for each question."""
