"""Losses for token classification: values and gradients, in NumPy or CuPy."""
