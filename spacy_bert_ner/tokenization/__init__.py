"""Convert Docs to windows of subwords, and map subwords back to tokens."""
