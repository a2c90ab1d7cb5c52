"""The optimizer, its step and its schedule."""
