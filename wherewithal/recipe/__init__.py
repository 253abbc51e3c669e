"""A plan as the files that launch it."""
