"""Images of the training containers, on a base that is made of Debian's packages: no registry is asked."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.docker.engine import Unavailable, require

ROOT: Final = Path(__file__).parents[2]

CONTAINERS: Final = {name: f"smtune-test/smtune-{name}:latest" for name in ("sklearn", "xgboost")}
"""Folders of training containers to the images that are made of them."""

_BASE: Final = "smtune-test/base"
_SUITE: Final = "bookworm"
_MIRROR: Final = "deb http://deb.debian.org/debian bookworm main"
_PYTHON: Final = "3.11"
"""The suite's."""
_PACKAGES: Final = ("libgomp1", "libstdc++6", "python-is-python3", "python3-pip")
_DOCKERFILE: Final = f"""
FROM {_BASE}-system
COPY . /opt/wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
"""
"""Has pip install what lies beside it."""


def build(*, base: str | None) -> None:
    """Build the images of the training containers.

    Args:
        base: The image that they are built on; ``None`` for one of Debian's packages.

    Raises:
        Unavailable: The base cannot be made here, or does not run.
    """
    base = _base() if base is None else base
    done = _docker("run", "--rm", "--network=none", base, "python", "-c", "", check=False)
    if done.returncode:
        raise Unavailable(f"the engine runs no container: {done.stderr.strip().rpartition(os.linesep)[2]}")
    for name, image in CONTAINERS.items():
        _say(f"building {image}")
        file = ROOT / "training_containers" / name / "Dockerfile"
        _docker("build", f"--file={file}", f"--build-arg=BASE_IMAGE={base}", f"--tag={image}", str(ROOT))


def remove() -> None:
    """Remove the images from an engine that others use."""
    _docker("image", "rm", "--force", *CONTAINERS.values(), _BASE, f"{_BASE}-system", check=False)


def _base() -> str:
    """Make the base; return its name."""
    with _system().open("rb") as archive:
        subprocess.run(["docker", "import", "-", f"{_BASE}-system"], stdin=archive, capture_output=True, check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".Dockerfile") as file:
        file.write(_DOCKERFILE)
        file.flush()
        _docker("build", f"--file={file.name}", f"--tag={_BASE}", str(_wheels()))
    return _BASE


def _system() -> Path:
    """Return the archive of a small Debian, which is made once on a machine."""
    archive = _cached("debian", _SUITE, _MIRROR, *_PACKAGES).with_suffix(".tar")
    if archive.exists():
        return archive
    require({"mmdebstrap": "mmdebstrap"})
    _say(f"making a base image of Debian's packages, once, in {archive}; this takes a minute or two")
    draft = archive.with_suffix(f".{os.getpid()}.tar")
    options = ["--quiet", "--variant=essential", f"--include={','.join(_PACKAGES)}"]
    done = subprocess.run(
        ["mmdebstrap", *options, _SUITE, str(draft), _MIRROR], capture_output=True, text=True, check=False
    )
    if done.returncode:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"no base image: {done.stderr.strip().rpartition(os.linesep)[2]}; name one in BASE_IMAGE")
    draft.rename(archive)
    return archive


def _wheels() -> Path:
    """Return the folder of what the containers install, which is downloaded once on a machine."""
    names = {
        line.replace("xgboost>", "xgboost-cpu>")
        for file in sorted(ROOT.glob("training_containers/*/requirements.txt"))
        for line in file.read_text().splitlines()
    }
    folder = _cached("wheels", _PYTHON, *sorted(names))
    if folder.exists():
        return folder
    draft = folder.with_suffix(f".{os.getpid()}")
    machine = platform.machine()
    platforms = [f"--platform=manylinux{version}_{machine}" for version in ("_2_28", "_2_27", "_2_17", "2014")]
    wanted = ["--only-binary=:all:", "--implementation=cp", f"--python-version={_PYTHON}", *platforms]
    command = [sys.executable, "-m", "pip", "download", "--quiet", f"--dest={draft}", *wanted, *sorted(names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise Unavailable(f"no packages: {done.stderr.strip().rpartition(os.linesep)[2]}")
    draft.rename(folder)
    return folder


def _cached(name: str, *ingredients: str) -> Path:
    """Return the place of something that depends on its ingredients only."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smtune-tests"
    home.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256("\n".join((*ingredients, platform.machine())).encode()).hexdigest()
    return home / f"{name}-{digest[:12]}"


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.exit(f"docker {arguments[0]} failed\n{done.stdout}\n{done.stderr}")
    return done


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201 - it takes minutes
