"""Check annotated text for problems. Each module checks one aspect of the text."""
