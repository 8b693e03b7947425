"""A training job in its folder: ready to be started."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smtune.sandbox.contract import TrainingContract, lay_out, link_code
from smtune.sandbox.namespace import ROOT, Mount, Namespace
from smtune.sandbox.programs import Program
from smtune.sandbox.staging import Staged

_DRIVERS: Final = "sm_drivers"
_ROOT_IN_TEXT: Final = re.compile(rf"(?<![\w./-]){ROOT}(?![\w.-])")


def place(base: Path, contract: TrainingContract, program: Program, *, private: bool) -> Staged:
    """Lay out the folder of a training job, and say how to run its program there.

    Args:
        base: The folder that stands for ``/opt/ml``; made if it is missing.
        contract: What the job is told.
        program: What it runs.
        private: Whether it gets ``/opt/ml`` itself, in a namespace, and host names that resolve. Otherwise the name is
            replaced by that of the folder: in arguments, in variables, and in the drivers that the SDK (v3) sends
            along as a channel. What stands in other files remains.

    Raises:
        SpecError: A channel is missing, or its name is none.
        OSError: The folder cannot be written.
    """
    base = base.absolute()
    lay_out(base, contract, mounted=private)
    if program.source is not None:
        link_code(base, program.source)
    environment = {
        **program.env,
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": ROOT,
        "TMPDIR": f"{ROOT}/tmp",  # noqa: S108 - nobody else has it
        **contract.variables,
    }
    if private:
        namespace = Namespace(
            str(base),
            hosts=[host for host in contract.hosts if host != "localhost"],
            mounts=[
                Mount(os.path.realpath(channel.source), channel.place(name), read_only=channel.mode == "FastFile")
                for name, channel in contract.channels.items()
                if channel.source is not None
            ],
        )
        return Staged(base, program.argv, MappingProxyType(environment), Path(program.cwd), namespace)
    _relocate_drivers(base)
    # The toolkit would wait for hosts whose names nobody knows.
    environment = {"SM_STUDIO_LOCAL_MODE": "True", **_relocated(environment, base)}
    return Staged(
        base,
        tuple(relocate(argument, base) for argument in program.argv),
        MappingProxyType(environment),
        Path(relocate(program.cwd, base)),
    )


def relocate(text: str, base: Path) -> str:
    """Return a text with another folder for ``/opt/ml``.

    >>> relocate("PYTHONPATH=/lib:/opt/ml/code,/opt/mlflow", Path("/jobs/1"))
    'PYTHONPATH=/lib:/jobs/1/code,/opt/mlflow'
    """
    return _ROOT_IN_TEXT.sub(lambda _: str(base), text)


def _relocate_drivers(base: Path) -> None:
    """Put a copy in the place of the channel with the SDK's drivers, which know their paths by heart."""
    folder = base / "input/data" / _DRIVERS
    if not folder.is_symlink():
        return
    source = folder.resolve()
    folder.unlink()
    shutil.copytree(source, folder)
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_text(relocate(file.read_text(encoding="utf-8"), base), encoding="utf-8")


def _relocated(texts: Mapping[str, str], base: Path) -> dict[str, str]:
    return {name: relocate(text, base) for name, text in texts.items()}
