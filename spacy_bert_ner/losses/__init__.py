"""Losses of token classification: values and gradients, in NumPy or CuPy."""
