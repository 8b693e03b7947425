"""What it takes to write a request to SageMaker, to check it, and to read it back.

Run from the root of the checkout: ``python -m benchmarks.amt``. The spec has 30 parameters and 30 further
hyperparameters, as many as SageMaker tunes. Every round is a fresh process, in which the first call of a step also loads
what the step needs, such as the service model; modules are imported before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.measuring import (
    calibrate,
    describe_calibration,
    in_fresh_process,
    installed,
    machine,
    median,
    number,
    print_table,
    verdict,
)
from smtune.amt import decode_request, encode_request, lower
from smtune.amt.limits import check_request
from smtune.spec import TuningSpec

LIMIT = 5.0
"""Milliseconds of CPU that encoding and checking may take together, the first time in a process."""

CALLS = 200
"""Calls of a step after the first; their mean counts."""

STEPS = {
    "spec": "read the spec: TuningSpec.from_dict",
    "lower": "lower",
    "encode": "encode_request",
    "check": "check_request",
    "decode": "decode_request",
    "botocore": "botocore's validator",
}
Round = Mapping[str, Mapping[str, float]]
"""Step to milliseconds of CPU: of the ``first`` call, and of each ``later`` one."""


def fields() -> dict[str, Any]:
    """Return a spec with as many parameters as SageMaker tunes."""
    parameters: dict[str, Any] = {}
    for place in range(10):
        parameters[f"rate_{place}"] = {"type": "continuous", "min": 1e-4, "max": 1.0, "scaling": "Logarithmic"}
        parameters[f"size_{place}"] = {"type": "integer", "min": 1, "max": 64}
        parameters[f"kind_{place}"] = {"type": "categorical", "values": ["a", "b", "c"]}
    return {
        "name": "benchmark",
        "objective": {"metric": "validation:loss", "goal": "Minimize"},
        "parameters": parameters,
        "static": {f"static_{place}": place for place in range(30)},
        "strategy": "bayesian",
        "limits": {"max_trials": 50, "max_parallel": 5, "max_trial_seconds": 3600},
        "metrics": {"validation:loss": r"loss=(\S+)"},
        "training": {
            "entry_point": "train.py",
            "source_dir": "s3://example-bucket/code/sourcedir.tar.gz",
            "channels": {"train": "s3://example-bucket/train", "validation": "s3://example-bucket/validation"},
            "output": "s3://example-bucket/output",
        },
        "sagemaker": {
            "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
            "role": "arn:aws:iam::123456789012:role/SageMakerRole",
            "region": "us-east-1",
            "instance_type": "ml.m5.large",
            "volume_gb": 30,
        },
    }


def measure_here() -> None:
    """Take every step in this process, each on what an earlier one made, and print what it took."""
    given = fields()
    steps: dict[str, Callable[[dict[str, Any]], object]] = {
        "spec": lambda _: TuningSpec.from_dict(given),
        "lower": lambda made: lower(made["spec"]),
        "encode": lambda made: encode_request(made["lower"]),
        "check": lambda made: check_request(made["encode"]),
        "decode": lambda made: decode_request(made["encode"]),
    }
    if installed("botocore"):
        steps["botocore"] = _validator()
    calibration = calibrate()
    made: dict[str, Any] = {}
    taken = {}
    for name, step in steps.items():
        start = time.process_time()
        made[name] = step(made)
        first = time.process_time()
        for _ in range(CALLS):
            step(made)
        taken[name] = {"first": (first - start) * 1e3, "later": (time.process_time() - first) / CALLS * 1e3}
    print(json.dumps({"calibration": calibration, "steps": taken}))


def _validator() -> Callable[[dict[str, Any]], object]:
    """Return botocore's own check of a request, which knows of members, types and least values."""
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateHyperParameterTuningJob").input_shape
    return lambda made: ParamValidator().validate(made["encode"], shape)


def report(rounds: list[Round]) -> None:
    """Print the tables."""
    rows = []
    for name, title in STEPS.items():
        known = [one[name] for one in rounds if name in one]
        if known:
            rows.append([title, *(number(median(one[when] for one in known)) for when in ("first", "later"))])
        else:
            print(f"skipped: {title} (not installed)")
    print_table("A request with 30 parameters", ["ms CPU", "first call", "later calls"], rows)
    sums = {when: median(one["encode"][when] + one["check"][when] for one in rounds) for when in ("first", "later")}
    header = ["target", "", "first call", "later calls", ""]
    shown = [number(sums[when]) for when in ("first", "later")]
    row = ["encode_request and check_request: ms CPU", f"<= {LIMIT:g}", *shown, verdict(sums["first"], at_most=LIMIT)]
    print_table("Target", header, [row])


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.amt", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes (default: 5)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        measure_here()
        return
    print(machine(["smtune", "botocore", "pydantic"]))
    answers = [in_fresh_process(["-m", "benchmarks.amt", "--here"], {}) for _ in range(chosen.rounds)]
    report([answer["steps"] for answer in answers])
    print("\n" + describe_calibration([answer["calibration"] for answer in answers]))


if __name__ == "__main__":
    main()
