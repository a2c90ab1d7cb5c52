"""Divide a corpus into train, dev and test splits."""
