"""Tune a Python function: the width and the depth of a box that holds one litre, made of as little card as can be."""

from __future__ import annotations

from typing import Any

from smtune import ContinuousParameter, TuningSpec, tune


def train(parameters: dict[str, Any]) -> float:
    """Return the card that a box needs, in square decimetres; its height follows from the litre."""
    width, depth = parameters["width"], parameters["depth"]
    height = 1 / (width * depth)
    return float(2 * (width * depth + width * height + depth * height))


spec = TuningSpec(
    objective={"metric": "card", "goal": "Minimize"},
    parameters={"width": ContinuousParameter(0.2, 5.0), "depth": ContinuousParameter(0.2, 5.0)},
    strategy="evolutionary",
    limits={"max_trials": 60, "max_parallel": 2},
    seed=7,
)

if __name__ == "__main__":
    best = tune(spec, function=train).wait().best
    if best is not None:
        print(f"best: {best.objective:.3f} square decimetres with {best.parameters} (a cube, the optimum, needs 6)")
