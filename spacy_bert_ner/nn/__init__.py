"""Extend torch modules, without any dependency on spaCy."""
