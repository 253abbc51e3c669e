"""The desk that answers many at once, and what stands before it."""
