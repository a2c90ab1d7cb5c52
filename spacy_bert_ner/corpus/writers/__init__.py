"""Writers of annotated text: one module per format."""
