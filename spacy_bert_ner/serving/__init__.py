"""Serve named entity recognition over HTTP with Ray Serve."""
