"""From files to values: both styles of Python files, the data formats, bases, substitutions."""
