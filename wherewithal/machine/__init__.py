"""Chips, links and systems as numbers."""
