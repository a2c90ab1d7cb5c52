"""Annotate corpora of any size with a pipeline, in this process or on a Ray cluster."""
