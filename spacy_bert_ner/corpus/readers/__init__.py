"""Readers of annotated text: one module per format."""
