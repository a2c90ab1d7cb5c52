"""An HTTP server of entities on Ray Serve."""
