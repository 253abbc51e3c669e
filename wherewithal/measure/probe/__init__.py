"""The chip at hand measured: operators by size and format, written to a file that can be shared."""
