"""Compute statistics on annotated text and find likely problems. The entry point is `inspect_files`."""

from .report import InspectionReport, inspect_files

__all__ = ["InspectionReport", "inspect_files"]
