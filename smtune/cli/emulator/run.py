"""``smtune emulator run``: a program with an emulator of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Self

import typer

from smtune.cli.emulator.options import REGION, Config, Region, Slots, Speed, chosen_settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_NOT_FOUND = 127
"""Exit status: there is no such program (POSIX, Shell Command Language, 2.8.2)."""

_NOT_EXECUTABLE = 126
"""Exit status: the program cannot be run (ditto)."""


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="The program and its arguments.")],
    region: Region = REGION,
    notebook: Annotated[
        bool,
        typer.Option(
            "--notebook", help="As on a notebook of SageMaker: get_execution_role() of its SDK finds the role."
        ),
    ] = False,
    config: Config = None,
    slots: Slots = None,
    speed: Speed = None,
) -> None:
    """Run a program against a new emulator, and exit with its status; nothing is left behind.

    The program gets worthless credentials instead of those of this machine, so that it cannot reach AWS.
    """
    from smtune.cli.emulator.notebook import entering_notebook
    from smtune.emulator import serving
    from smtune.emulator.clients import client_environment, foreign_names

    settings = chosen_settings(config, slots=slots, speed=speed)
    with (
        _Forwarding() as forwarding,
        tempfile.TemporaryDirectory(prefix="smtune-") as folder,
        serving(settings=settings, region=region) as emulator,
    ):
        enter = entering_notebook(Path(folder, "ml")) if notebook else None
        foreign = foreign_names(os.environ)
        variables = {name: value for name, value in os.environ.items() if name not in foreign}
        variables |= client_environment(emulator.url, region, Path(folder))
        # Profiles of this machine would bring their own credentials.
        variables |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        status = forwarding.run(command, variables, enter)
    raise typer.Exit(status)


class _Forwarding:
    """Hands the signals that would end this process on to the program, so that all of this can be cleared away."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __enter__(self) -> Self:
        ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS if number not in ignored}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, command: Sequence[str], variables: Mapping[str, str], enter: Callable[[], None] | None) -> int:
        """Run a program to its end, and return its exit status as a shell does.

        Args:
            command: The program and its arguments.
            variables: Its environment.
            enter: What the process does before it becomes the program.
        """
        try:
            program = subprocess.Popen(command, env=variables, preexec_fn=enter)  # noqa: PLW1509 - no locks are taken
        except OSError as error:
            typer.echo(f"smtune: {command[0]}: cannot be run: {error.strerror}", err=True)
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        with program:
            self._program = program
            for number in self._early:
                program.send_signal(number)
            status = program.wait()
        return status if status >= 0 else 128 - status

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._program is None:
            self._early.append(number)
        elif number != signal.SIGINT or not _shares_terminal():
            self._program.send_signal(number)


def _shares_terminal() -> bool:
    """Return whether Ctrl-C reaches the program by itself: its terminal tells all processes of the foreground."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal, or no stdin at all
        return False
