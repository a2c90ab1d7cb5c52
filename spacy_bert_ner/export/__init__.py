"""Export a pipeline to another runtime, or its checkpoint or ONNX graph alone."""

from .exporter import RUNTIMES, TARGETS, export_checkpoint, export_pipeline

__all__ = ["RUNTIMES", "TARGETS", "export_checkpoint", "export_pipeline"]
