"""Train pipelines with spaCy's training loop, and support checkpoints, exact resumption and several workers."""
