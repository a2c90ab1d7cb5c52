"""Encode entities as tags, and decode logits to legal tag sequences and entity probabilities."""
