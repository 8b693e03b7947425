"""Write the part of SageMaker's service model that a tuning request needs: ``python -m tests.unit.amt.extract_service_model``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders

ROOT = "CreateHyperParameterTuningJobRequest"
TARGET = Path(__file__).parents[3] / "smtune" / "amt" / "service_model.json"
_CONSTRAINTS = ("type", "required", "min", "max", "pattern", "enum")


def extract() -> dict[str, Any]:
    """Return the shapes that can be reached from the request, as the installed botocore describes them."""
    model = botocore.loaders.create_loader().load_service_model("sagemaker", "service-2")
    shapes: dict[str, Any] = {}
    pending = [ROOT]
    while pending:
        name = pending.pop()
        if name in shapes:
            continue
        full = model["shapes"][name]
        shape = {key: full[key] for key in _CONSTRAINTS if full.get(key) not in (None, [])}
        if "members" in full:
            shape["members"] = {member: ref["shape"] for member, ref in full["members"].items()}
        shape |= {part: full[part]["shape"] for part in ("member", "key", "value") if part in full}
        shapes[name] = shape
        pending += shape.get("members", {}).values()
        pending += [shape[part] for part in ("member", "key", "value") if part in shape]
    return {
        "botocore": botocore.__version__,
        "api_version": model["metadata"]["apiVersion"],
        "root": ROOT,
        "shapes": dict(sorted(shapes.items())),
    }


def render(model: dict[str, Any]) -> str:
    """Return the extract as JSON with one line for each shape, so that a new version reads well as a diff."""
    head = {key: value for key, value in model.items() if key != "shapes"}
    shapes = ",\n".join(f"    {json.dumps(name)}: {json.dumps(shape)}" for name, shape in model["shapes"].items())
    lines = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    return f'{{\n{lines}  "shapes": {{\n{shapes}\n  }}\n}}\n'


if __name__ == "__main__":
    TARGET.write_text(render(extract()), encoding="utf-8")
