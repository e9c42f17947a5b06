"""One training in the words of several engines: `workload` says what all of them do, each other file is one engine."""
