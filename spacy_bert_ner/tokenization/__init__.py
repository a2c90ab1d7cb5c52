"""Convert Docs to subword windows, and map subwords back to tokens."""
