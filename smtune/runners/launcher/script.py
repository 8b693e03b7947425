"""Running a Python script in a fork of the launcher as if a fresh interpreter ran it."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import io
import os
import signal
import sys
import threading
import types
from itertools import islice
from pathlib import Path
from typing import NoReturn


class ForkedScript(BaseException):
    """This process is a fork that is to run a script; takes it back to ``main``, out of the launcher's loop.

    Attributes:
        argv: The script and its arguments.
    """

    def __init__(self, argv: list[str]) -> None:
        super().__init__(argv)
        self.argv = argv


def preload(modules: list[str]) -> bool:
    """Import modules for all scripts to come; return whether this process may still be forked."""
    for module in modules:
        with contextlib.suppress(BaseException):  # the script will meet the same problem, even `sys.exit`, and tell
            importlib.import_module(module)
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # or the collector would touch, and so copy, every page in every fork
    try:
        threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return False  # not Linux: the system libraries of macOS do not survive a fork
    return threads == threading.active_count() == 1


def run_script(argv: list[str]) -> NoReturn:
    """Run a script, and end this process, the way an interpreter does."""
    path = str(Path(argv[0]).absolute())
    sys.argv = argv
    if not os.environ.get("PYTHONSAFEPATH"):
        sys.path.insert(0, str(Path(path).resolve().parent))
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()  # or all forks draw the same numbers; `random` sees to itself
    loaded = len(sys.modules)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins, __cached__=None, __annotations__={})
    sys.modules["__main__"] = main
    if "__mp_main__" in sys.modules:  # where multiprocessing, if it was imported, looks for the script's classes
        sys.modules["__mp_main__"] = main
    code = _outcome(main, path)
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - multiprocessing ends its forks like this, too
    atexit._run_exitfuncs()  # noqa: SLF001
    _clear([main, *islice(reversed(sys.modules.values()), max(0, len(sys.modules) - loaded))])
    _flush()
    os._exit(code)


def _outcome(main: types.ModuleType, path: str) -> int:
    """Execute the script; return the exit code."""
    try:
        with io.open_code(path) as stream:
            code = compile(stream.read(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - running it is the purpose
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    except BaseException as error:
        # Its traceback begins at the script's own first line, as the user knows it.
        error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            _flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    else:
        return 0
    return 1


def _clear(modules: list[types.ModuleType]) -> None:
    """Let go of what the script's modules hold: files that were never closed are written out then.

    The interpreter does this with all modules, which takes a hundred times longer where large libraries are loaded.
    """
    for module in modules:
        for name in list(getattr(module, "__dict__", ())):
            if name != "__builtins__":
                module.__dict__[name] = None
    gc.collect()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed by the script, or nobody reads any more
            stream.flush()
