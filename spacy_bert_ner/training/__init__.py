"""Long training: states to go on from, and several workers, around spaCy's own loop."""
