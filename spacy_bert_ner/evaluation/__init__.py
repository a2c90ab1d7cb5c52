"""Metrics of predicted entities."""
