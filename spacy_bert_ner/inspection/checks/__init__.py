"""Checks of annotated text: one module per kind of finding."""
