"""Logistic regression on made-up data, trained by gradient descent: put your own training here.

smtune starts this file once per trial. The three names that it imports are all the contract there is; they work the same
on a laptop and in a SageMaker container, and need nothing but Python.
"""

import json
import math

from smtune.container import hyperparameters, model_dir, report

# What a hyperparameter is when nobody sets it: `python train.py` trains with these.
DEFAULTS = {"learning_rate": 0.1, "l2": 0.001, "degree": 2, "epochs": 15}


def make_points(first: int, count: int) -> list[tuple[float, float, float]]:
    """Return points spread over a square, each with its side of a wavy line; one side in ten is wrong."""
    points = []
    for index in range(first, first + count):
        x, y = 2 * (index * 0.7548776662 % 1) - 1, 2 * (index * 0.5698402910 % 1) - 1
        above = y > 0.6 * math.sin(4 * x)
        points.append((x, y, float(above != (index % 10 == 0))))
    return points


def features(x: float, y: float, degree: int) -> list[float]:
    """Return every product of powers of x and y up to a total degree."""
    return [x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)]


def predict(weights: list[float], inputs: list[float]) -> float:
    """Return the probability that a point lies above the line."""
    score = sum(weight * value for weight, value in zip(weights, inputs, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def log_loss(weights: list[float], examples: list[tuple[list[float], float]]) -> float:
    """Return the mean loss; lower is better."""
    total = 0.0
    for inputs, label in examples:
        probability = predict(weights, inputs)
        total -= math.log(probability if label else 1 - probability)
    return total / len(examples)


def main() -> None:
    """Train, and report after every epoch."""
    params = hyperparameters(defaults=DEFAULTS)
    rate, l2, degree = params["learning_rate"], params["l2"], params["degree"]
    data = {
        name: [(features(x, y, degree), label) for x, y, label in make_points(first, count)]
        for name, first, count in (("train", 0, 150), ("validation", 150, 400), ("test", 550, 400))
    }
    weights = [0.0] * len(data["train"][0][0])
    for epoch in range(params["epochs"]):
        for inputs, label in data["train"]:
            error = predict(weights, inputs) - label
            weights = [w - rate * (error * value + l2 * w) for w, value in zip(weights, inputs, strict=True)]
        # smtune reads the metrics from this call. Metrics named "test:..." choose nothing: they show, at the end, what
        # the best trial is worth on data that took no part in choosing it.
        report({f"{name}:logloss": log_loss(weights, examples) for name, examples in data.items()}, step=epoch)
    (model_dir() / "weights.json").write_text(json.dumps(weights))


if __name__ == "__main__":
    main()
