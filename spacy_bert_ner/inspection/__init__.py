"""What is in annotated text, and what is wrong with it: one module an idea; `report.inspect_files` does it all."""

from .report import InspectionReport, inspect_files

__all__ = ["InspectionReport", "inspect_files"]
