"""Folding probes and measured runs back into the predictions, into a catalog folder of the user's."""
