"""Export a pipeline to another runtime, or export only its checkpoint or ONNX graph."""

from .exporter import RUNTIMES, TARGETS, export_checkpoint, export_pipeline

__all__ = ["RUNTIMES", "TARGETS", "export_checkpoint", "export_pipeline"]
