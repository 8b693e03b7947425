"""smtune's own programs, run by any interpreter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
# The program must find this package wherever it lies, and the code that it runs must not find the package's folder.
_BOOT: Final = """
import importlib, sys
root, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path.insert(0, root)
program = importlib.import_module(module)
sys.path.remove(root)
program.main()
"""


def python_program(module: str, *, isolated: bool = False, python: str = sys.executable) -> list[str]:
    """Return the command that calls ``main`` of one of smtune's modules.

    Args:
        module: Its full name.
        isolated: Whether it needs nothing but the standard library, not even the user's settings of Python.
        python: The interpreter.
    """
    return [python, *(["-I", "-S"] if isolated else ["-P"]), "-c", _BOOT, str(_ROOT), module]
