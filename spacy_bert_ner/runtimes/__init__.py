"""Run forward passes for prediction on `torch` or `onnxruntime`. Training always runs on `torch`."""
