"""Thinc models around a Hugging Face token classifier."""
