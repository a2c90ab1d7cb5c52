"""Call the commands from Python: each function does what the command of the same name does.

Options are keyword arguments with the names and defaults of the command line. Functions return results instead of
printing them, and raise errors instead of exiting.
"""

from .corpora import convert, inspect
from .pipelines import annotate, calibrate, evaluate, export

__all__ = ["annotate", "calibrate", "convert", "evaluate", "export", "inspect"]
