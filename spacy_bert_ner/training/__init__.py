"""Train on top of spaCy's own loop, with training checkpoints, exact resume and several workers."""
