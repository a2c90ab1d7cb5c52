"""Thinc models for Hugging Face token classifiers."""
