"""Requests that other programs sent, as they went over the wire; each file says who sent it."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "recorded"
NAMES = sorted(path.stem for path in _FOLDER.glob("*.json"))


def recorded(name: str) -> dict[str, Any]:
    """Return the body of a ``CreateHyperParameterTuningJob`` request."""
    request: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["request"]
    return request
