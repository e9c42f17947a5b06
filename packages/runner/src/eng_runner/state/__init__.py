"""What a checkpoint holds, and the folder of a run. May import engine."""
