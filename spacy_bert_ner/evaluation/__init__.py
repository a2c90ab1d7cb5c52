"""Metrics, reports and model cards of pipelines."""
