"""Files, checksums, processes and saved pipelines."""
