"""Inspect annotated text: statistics of its splits, and likely faults. `report.inspect_files` is the entry point."""

from .report import InspectionReport, inspect_files

__all__ = ["InspectionReport", "inspect_files"]
