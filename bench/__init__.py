"""Every promise of speed, measured in one run and printed as ratios: `python -m bench`."""
