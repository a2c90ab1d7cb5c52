"""Readers for annotated text. Each format has its own module."""
