"""Locate, check, load, change and save Hugging Face checkpoints."""
