"""Measurements: reading them, and judging predictions by them."""
