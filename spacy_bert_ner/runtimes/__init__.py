"""Run the forward pass of predictions on torch or onnxruntime. Training always runs on torch."""
