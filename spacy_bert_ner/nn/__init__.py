"""Extend torch modules without depending on spaCy."""
