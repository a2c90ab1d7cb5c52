"""Implement the AdamW optimizer, the optimizer step and the learning rate schedule."""
