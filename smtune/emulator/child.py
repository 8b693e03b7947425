"""An emulator in a process of its own, which ends with the process that started it.

This process and its boto3 are left alone, and what the emulator keeps open or imports is gone with it. The child listens
on a loopback address until its standard input ends: that is when its parent closes it, or has been killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import weakref
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from smtune.emulator.clients import REGION, foreign_names
from smtune.errors import JobError
from smtune.store import descriptors

_ENDING_SECONDS: Final = 10.0
"""How long a child may take to end its own children; it takes a fraction of a second."""


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What the emulator of a child is like.

    Attributes:
        data: Folder in which its state is kept.
        slots: Training jobs that run at a time.
        resume: Whether jobs that were under way when their emulator ended go on.
        region: Where its role and its bucket are.
    """

    data: str
    slots: int
    resume: bool
    region: str = REGION


class EmulatorProcess:
    """An emulator in a process of its own; it listens when the constructor returns.

    Args:
        settings: What it is like.
        log: File that takes what it prints to standard error.

    Raises:
        JobError: It does not start; says why.
    """

    def __init__(self, settings: ChildSettings, log: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in foreign_names(os.environ)}
        ear, mouth = os.pipe()
        descriptors.keep_from_children(mouth)  # or the child would outlive this process
        with os.fdopen(ear, "rb") as commands, log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "smtune.emulator.child"],
                stdin=commands,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,  # Ctrl-C in a terminal is for the parent
            )
        self._end = weakref.finalize(self, _end, self._process, mouth)
        try:
            self.url: Final = self._begin(settings, mouth, log)
        except BaseException:
            self.close()
            raise

    def _begin(self, settings: ChildSettings, mouth: int, log: Path) -> str:
        answers = self._process.stdout
        assert answers is not None  # noqa: S101 - a pipe, as said above
        with contextlib.suppress(BrokenPipeError):  # then the answer is missing, too
            os.write(mouth, json.dumps(asdict(settings)).encode() + b"\n")
        line = answers.readline()
        told: dict[str, Any] = json.loads(line) if line else {}
        if "url" not in told:
            why = told.get("error") or f"it ended with exit code {self._process.wait()}; see {log}"
            raise JobError(f"the emulator does not start: {why}")
        return str(told["url"])

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and wait until nothing is left. Idempotent."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _end(process: subprocess.Popen[bytes], mouth: int) -> None:
    """Let a child end, and wait for it."""
    descriptors.close(mouth)
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def main() -> None:
    """Be the child: read the settings, tell the address, and serve until standard input ends."""
    from smtune.emulator.server import serving
    from smtune.emulator.service.settings import Settings
    from smtune.errors import SmtuneError

    asked = ChildSettings(**json.loads(sys.stdin.readline()))
    settings = Settings(slots=asked.slots, data=Path(asked.data), resume=asked.resume)
    try:
        with serving(settings=settings, region=asked.region) as emulator:
            _tell(url=emulator.url)
            sys.stdin.read()
    except SmtuneError as error:
        _tell(error=str(error))
        sys.exit(1)


def _tell(**facts: str) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
