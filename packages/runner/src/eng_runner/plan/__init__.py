"""From configuration to parts, and everything that can be known before a run. May import engine."""
