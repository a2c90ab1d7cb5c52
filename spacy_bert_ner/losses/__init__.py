"""Losses and their gradients for token classification, in NumPy or CuPy."""
