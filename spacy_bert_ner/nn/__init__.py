"""Additions to torch modules that know nothing of spaCy."""
