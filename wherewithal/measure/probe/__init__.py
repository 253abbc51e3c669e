"""Measuring the chip at hand, operator by operator."""
