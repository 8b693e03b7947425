"""Train a scikit-learn model: on a laptop, in a container of its own, or as a SageMaker training job.

Channels: ``train``; ``validation``, unless ``cv_folds`` is given; ``test``, optional, which takes no part in any choice and
is measured once, at the end. Hyperparameters: ``model`` (see ``models.py``) with scikit-learn's own parameter names,
``task``, ``scale``, ``seed``, ``cv_folds``, and ``epochs``, ``batch_size`` and ``learning_rate`` where they apply. On a laptop::

    SM_CHANNEL_TRAIN=data/train SM_CHANNEL_VALIDATION=data/validation python train.py --model forest --max_depth 6
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import joblib
import numpy as np
from learners import Learner, make_learner  # type: ignore[import-not-found] # beside this file, wherever that is
from models import CLASSIFICATION  # type: ignore[import-not-found]
from scores import measure  # type: ignore[import-not-found]
from settings import Settings, read_settings  # type: ignore[import-not-found]
from sklearn.pipeline import Pipeline
from tabular import Table, make_folds, read_channel  # type: ignore[import-not-found]

from smtune.container import Environment, StopSignal, report, stop_signal


def main() -> None:
    """Read the contract, train, report and save the model."""
    with stop_signal() as stop:
        environment = Environment.current()
        settings = read_settings(environment)
        tables = read_tables(environment, settings)
        pipeline = train(settings, tables, stop)
        if pipeline is None:
            print("stopped during cross-validation: there is no model yet")
        else:
            joblib.dump(pipeline, environment.model_dir() / "model.joblib")


def read_tables(environment: Environment, settings: Settings) -> dict[str, Table]:
    """Read the channels that this training uses.

    Raises:
        ValueError: There is nothing to validate on, or the data cannot be used.
    """
    given = environment.channels()
    names = ["train", *(name for name in ("validation", "test") if name in given)]
    if settings.cv_folds > 1 and "validation" in names:
        print(f"channel validation is not used: cv_folds = {settings.cv_folds} validates on parts of channel train")
        names.remove("validation")
    environment.channel("train")  # the first thing to miss
    if settings.cv_folds <= 1 and "validation" not in names:
        raise ValueError(
            "there is nothing to validate on: add a channel named validation, or set the hyperparameter cv_folds to 2 or "
            "more to cross-validate on channel train"
        )
    tables = {name: read_channel(environment, name, has_label=settings.has_label) for name in names}
    widths = {name: table.features.shape[1] for name, table in tables.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(
            "channels must have the same columns; these have, label excluded: "
            + ", ".join(f"{name} {width}" for name, width in widths.items())
        )
    return check_labels(tables, settings) if settings.task == CLASSIFICATION else tables


def check_labels(tables: Mapping[str, Table], settings: Settings) -> dict[str, Table]:
    """Return the tables with whole-number labels.

    Raises:
        ValueError: Labels are no classes, or cannot all be learnt from channel ``train``.
    """
    whole = {name: Table(table.features, table.labels.astype(np.int64)) for name, table in tables.items()}
    for name, table in whole.items():
        if not np.array_equal(table.labels, tables[name].labels):
            raise ValueError(
                f"channel {name!r} has labels that are no whole numbers: set the hyperparameter task=regression"
            )
        unseen = np.setdiff1d(table.labels, whole["train"].labels)
        if len(unseen):
            raise ValueError(f"channel {name!r} has labels that channel 'train' lacks: {', '.join(map(str, unseen))}")
    classes, counts = np.unique(whole["train"].labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"channel 'train' has one class only, {classes[0]}: there is nothing to learn")
    if settings.cv_folds > 1 and counts.min() < 2:
        raise ValueError(f"class {classes[counts.argmin()]} has one row only: cross-validation needs two of each class")
    return whole


def train(settings: Settings, tables: Mapping[str, Table], stop: StopSignal) -> Pipeline | None:
    """Train on the tables and report every step and the end.

    Returns:
        The fitted pipeline; ``None`` after a stop during cross-validation.
    """
    if settings.cv_folds > 1:
        folds = make_folds(tables["train"], settings.cv_folds, settings.seed)
    else:
        folds = [(tables["train"], tables["validation"])]
    learners = [make_learner(settings, learnt) for learnt, _ in folds]
    step = None
    scores: dict[str, float] = {}
    for step in learners[0].steps():
        for learner in learners:
            learner.advance(step)
        scores = mean_scores(learners, folds, settings)
        report(scores, step=step)
        if stop.requested:
            break
    learner = learners[0]
    if settings.cv_folds > 1:
        learner = make_learner(settings, tables["train"])
        for each in learner.steps():
            if stop.requested:
                return None
            learner.advance(each)
    if "test" in tables:
        # The last value of a metric is its result, so all of them come together last.
        held_out = measure(learner.pipeline, tables["test"], settings.task, settings.seed)
        report({**scores, **{f"test:{name}": value for name, value in held_out.items()}}, step=step)
    return learner.pipeline


def mean_scores(
    learners: Sequence[Learner], folds: Sequence[tuple[Table, Table]], settings: Settings
) -> dict[str, float]:
    """Return the scores of all learners: their mean, and for validation their spread and its standard error if there are several.

    Folds share rows that are learnt from, so the standard error is a rough one (Bengio and Grandvalet, 2004).
    """
    scores = {}
    for place, name in enumerate(("train", "validation")):
        each = [
            measure(learner.pipeline, fold[place], settings.task, settings.seed)
            for learner, fold in zip(learners, folds, strict=True)
        ]
        for metric in each[0]:
            values = [measured[metric] for measured in each]
            scores[f"{name}:{metric}"] = float(np.mean(values))
            if len(values) > 1 and name == "validation":
                scores[f"{name}:{metric}-std"] = float(np.std(values))
                scores[f"{name}:{metric}:se"] = float(np.std(values, ddof=1) / np.sqrt(len(values)))
            if len(values) > 1 and f"{name}:{metric}" == settings.tuned_metric:
                scores |= {f"{name}:{metric}:fold-{number}": value for number, value in enumerate(values)}
    return scores


if __name__ == "__main__":
    main()
