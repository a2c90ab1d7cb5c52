"""Encode entities as tags, and decode tag logits into legal tag sequences and entity probabilities."""
