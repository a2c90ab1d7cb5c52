"""Tag schemes, and the step from tag logits to entities and their probabilities."""
