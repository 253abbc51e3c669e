"""Block kinds, one file each; the file's presence is its registration."""
