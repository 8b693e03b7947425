"""What the trials of the runner tests do; runs in scripts, threads and worker processes alike."""

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from smtune.container.reporting import report


def train(parameters: dict[str, Any]) -> None:
    globals()[parameters["do"]](parameters)


def complete(_parameters: dict[str, Any]) -> None:
    report({"auc": 0.12345678901234568, "loss": 1e-300}, step=1)
    report({"auc": 0.1 + 0.2, "loss": float("inf")}, step=2)


def speak(parameters: dict[str, Any]) -> None:
    sys.stdout.write(parameters["text"] + "\n")


def fail(_parameters: dict[str, Any]) -> None:
    report({"auc": 0.5})
    raise ValueError("eta is too large:\n1.5 > 1")


def hold(parameters: dict[str, Any]) -> None:
    """Report, wait to be released, and report again."""
    report({"auc": 0.5})
    with Path(parameters["gate"]).open("rb", buffering=0) as gate:
        gate.read(1)
    report({"auc": 0.75})


def meet(parameters: dict[str, Any]) -> None:
    """Get past an appointment that only two trials at a time can keep."""
    mine, other = parameters["mine"], parameters["other"]
    for path, mode in sorted([(mine, "r"), (other, "w")]):
        with Path(path).open(mode):
            pass
    report({"auc": 1.0})


def hold_on(parameters: dict[str, Any]) -> None:
    """Take no notice of SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hold(parameters)


def finish_early(parameters: dict[str, Any]) -> None:
    """Save what there is on SIGTERM, and end well."""

    def leave(*_: object) -> None:
        report({"auc": 0.625})
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    hold(parameters)


def exit_with(parameters: dict[str, Any]) -> None:
    sys.exit(parameters["code"])


def kill_itself(_parameters: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def say_nothing(_parameters: dict[str, Any]) -> None:
    pass


if __name__ == "__main__":
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    values: dict[str, Any] = {name.lstrip("-"): value for name, value in arguments.items()}
    if "code" in values:
        with contextlib.suppress(ValueError):
            values["code"] = int(values["code"])
    train(values)
