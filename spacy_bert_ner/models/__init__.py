"""Define thinc models for Hugging Face token classifiers."""
