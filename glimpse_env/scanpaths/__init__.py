"""Scan paths: record where agents look, measure it, and compare it with other agents or with people.

``record`` plays episodes and returns `Scanpaths`, a table with a row for each fixation, which is saved as CSV or Parquet and
loaded again. Recordings of people are loaded in the same way.
"""

from glimpse_env.scanpaths.metrics import METRICS, compare, edit_score, multimatch, nss, scanmatch
from glimpse_env.scanpaths.record import RecordScanpaths, record
from glimpse_env.scanpaths.table import Scanpaths

__all__ = [
    "METRICS",
    "RecordScanpaths",
    "Scanpaths",
    "compare",
    "edit_score",
    "multimatch",
    "nss",
    "record",
    "scanmatch",
]
