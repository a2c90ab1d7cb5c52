"""Where the forward pass of a prediction runs. Training always runs on torch."""
