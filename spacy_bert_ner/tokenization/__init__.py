"""From Docs to windows of subwords, and back to tokens."""
