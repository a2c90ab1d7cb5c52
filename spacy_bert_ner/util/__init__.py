"""Provide files, checksums, processes and saved pipelines for the other packages."""
