"""Read annotated text: one module for each format."""
