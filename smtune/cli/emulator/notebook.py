"""What programs find on a notebook of SageMaker."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from smtune.emulator.clients import ROLE
from smtune.errors import Problem, SpecError
from smtune.sandbox.namespace import Namespace, enter, unavailable


def entering_notebook(folder: Path) -> Callable[[], None]:
    """Return what puts a process onto a notebook, to be called between ``fork`` and ``exec``.

    The SageMaker SDK reads the role of a notebook from a file below ``/opt/ml``. Anywhere else, its
    ``get_execution_role()`` asks STS, at an address of its own that no setting changes.

    Args:
        folder: Becomes the process's own ``/opt/ml``; must not be there.

    Raises:
        SpecError: Processes cannot have an ``/opt/ml`` of their own here.
        OSError: The folder cannot be written.
    """
    trouble = unavailable()
    if trouble is not None:
        rule = f"processes cannot have an /opt/ml of their own here: {trouble}"
        raise SpecError([Problem("--notebook", True, rule, f"leave it out, and name the role in the program: {ROLE}")])
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    (metadata / "resource-metadata.json").write_text(json.dumps({"ExecutionRoleArn": ROLE}), encoding="utf-8")
    return partial(enter, Namespace(str(folder)))
