"""Provide utilities for files, checksums, processes and saved pipelines."""
