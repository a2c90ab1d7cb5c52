"""Evaluate pipelines, and write reports and model cards."""
