"""Serve the entities of texts over HTTP, on Ray Serve."""
