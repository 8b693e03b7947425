"""How *metrics* are read from the lines that a training prints: reported, or found by regexes, here and on SageMaker."""

from smtune.metric_lines.logs import LONGEST_LOG, LogFile, read_log, without_tracebacks
from smtune.metric_lines.reading import (
    LONGEST_LINE,
    Reader,
    Reading,
    as_cloudwatch_shows,
    compile_patterns,
    find_metrics,
    read_as_sagemaker,
    read_metrics,
)
from smtune.metric_lines.search import BoundedReader, BoundedSearch, Found
from smtune.metric_lines.syntax import ANY_NUMBER, NUMBER, Group, corrected, groups_of, not_portable

__all__ = [
    "ANY_NUMBER",
    "LONGEST_LINE",
    "LONGEST_LOG",
    "NUMBER",
    "BoundedReader",
    "BoundedSearch",
    "Found",
    "Group",
    "LogFile",
    "Reader",
    "Reading",
    "as_cloudwatch_shows",
    "compile_patterns",
    "corrected",
    "find_metrics",
    "groups_of",
    "not_portable",
    "read_as_sagemaker",
    "read_log",
    "read_metrics",
    "without_tracebacks",
]
