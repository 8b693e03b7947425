"""Running a Python script in a fork of the launcher as if a fresh interpreter ran it."""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import io
import os
import sys
import threading
import types
from pathlib import Path


class ForkedScript(BaseException):
    """This process is a fork that is to run a script; takes it back to ``main``, out of the launcher's loop.

    Attributes:
        argv: The script and its arguments.
    """

    def __init__(self, argv: list[str]) -> None:
        super().__init__(argv)
        self.argv = argv


def run_script(argv: list[str]) -> None:
    """Run a script the way a fresh interpreter does; the interpreter then ends as it always does."""
    path = str(Path(argv[0]).absolute())
    sys.argv = argv
    if not os.environ.get("PYTHONSAFEPATH"):
        sys.path.insert(0, str(Path(path).resolve().parent))
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()  # or all forks draw the same numbers; `random` sees to itself
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = main
    try:
        with io.open_code(path) as stream:
            code = compile(stream.read(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - running it is the purpose
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        # Its traceback begins at the script's own first line, as the user knows it.
        error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


def preload(modules: list[str]) -> bool:
    """Import modules for all scripts to come; return whether this process may still be forked."""
    for module in modules:
        with contextlib.suppress(Exception):  # the script will meet the same problem, and tell
            importlib.import_module(module)
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # or the collector would touch, and so copy, every page in every fork
    try:
        threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return False  # not Linux: the system libraries of macOS do not survive a fork
    return threads == threading.active_count() == 1
