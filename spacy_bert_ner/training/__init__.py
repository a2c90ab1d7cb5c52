"""Train pipelines with spaCy's training loop, adding training checkpoints, exact resume and several workers."""
