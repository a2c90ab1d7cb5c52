"""Split a corpus into train, dev and test."""
