"""Provide the optimizer, the optimizer step and the learning rate schedule."""
