"""Run a command beside an engine of Docker that has the images of the training containers.

``python -m tests.docker COMMAND``, as ``make test-docker`` does. The engine that ``DOCKER_HOST`` names is used if there
is one, and no other is touched: without it, an own engine is started, and stopped at the end. ``BASE_IMAGE`` names what
the images are built on; by default that is made of Debian's packages. Where there can be no engine, the reason is
printed, and the exit code is 77.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from tests.docker import engine, images

SKIPPED = 77


def main(command: list[str]) -> int:
    """Return the exit code of the command, or ``SKIPPED``."""
    given = os.environ.get("DOCKER_HOST")
    try:
        with contextlib.ExitStack() as undone:
            os.environ["DOCKER_HOST"] = given or undone.enter_context(engine.started())
            engine.check()
            undone.callback(images.remove)
            images.build(base=os.environ.get("BASE_IMAGE"))
            return subprocess.run(command, env={**os.environ, "SMTUNE_TEST_DOCKER": "1"}, check=False).returncode
    except engine.Unavailable as reason:
        print(f"SKIPPED: the tests in containers do not run here: {reason}")  # noqa: T201
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
