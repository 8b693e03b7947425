"""The command line: one file per command.

Results go to stdout; progress, warnings and errors to stderr. Exit status: 0 well, 1 the job failed or cannot be had,
2 the command line or the spec is wrong, 130 interrupted by Ctrl-C. Modules that a command needs are imported when it
runs, so that ``smtune --help`` answers at once.
"""

from __future__ import annotations

from smtune.cli.app import main

__all__ = ["main"]
