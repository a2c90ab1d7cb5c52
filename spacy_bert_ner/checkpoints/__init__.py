"""Hugging Face checkpoints: find, check, load, change and save them."""
