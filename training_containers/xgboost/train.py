"""Train an XGBoost model: on a laptop, in a container of its own, or as a SageMaker training job.

Channels: ``train``; ``validation``, unless ``cv_folds`` is given; ``test``, optional, which takes no part in any choice and
is measured once, at the end. Hyperparameters: see ``settings.py``. On a laptop::

    SM_CHANNEL_TRAIN=data/train SM_CHANNEL_VALIDATION=data/validation python train.py --objective binary:logistic --eta 0.1
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np
import xgboost as xgb
from boosting import Boosting, Fold, evaluate  # type: ignore[import-not-found] # beside this file, wherever that is
from settings import Settings, read_settings  # type: ignore[import-not-found]
from tabular import Table, read_channel, same_width  # type: ignore[import-not-found]

from smtune.container import Environment, StopSignal, report, stop_signal


def main() -> None:
    """Read the contract, train, report and save the model."""
    with stop_signal() as stop:
        environment = Environment.current()
        settings = read_settings(environment)
        tables = read_tables(environment, settings)
        train(environment, settings, tables, stop)


def read_tables(environment: Environment, settings: Settings) -> dict[str, Table]:
    """Read the channels that this training uses.

    Raises:
        ValueError: There is nothing to validate on, or the data cannot be read.
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
    tables: dict[str, Table] = same_width({name: read_channel(environment, name) for name in names})
    return tables


def train(environment: Environment, settings: Settings, tables: Mapping[str, Table], stop: StopSignal) -> None:
    """Train on the tables, report every round and the end, and save the model."""
    data = {name: to_matrix(table, settings) for name, table in tables.items()}
    if settings.cv_folds > 1:
        folds = make_folds(tables["train"], settings)
    else:
        folds = [Fold(data["train"], {"train": data["train"], "validation": data["validation"]})]
    checkpoint = None
    if settings.checkpoint_every:
        checkpoint = environment.checkpoint_dir() / f"xgboost-{fingerprint(settings, tables):08x}.npz"
    boosting = Boosting(settings, folds, checkpoint)
    complete = boosting.run(stop, announce=report)
    scores = boosting.best.scores if boosting.best else boosting.scores()
    if settings.cv_folds > 1:
        if not complete:
            print("stopped during cross-validation: there is no model yet")
            return
        whole = Boosting(settings.fixed(boosting.final_rounds()), [Fold(data["train"], {})])
        complete = whole.run(stop)
        model = whole.final_model()
    else:
        model = boosting.final_model()
    # The last value of a metric is its result, so the chosen round comes last.
    held_out = {"test": data["test"]} if "test" in data else {}
    report({**scores, **(evaluate(model, held_out) if held_out else {})}, step=boosting.final_rounds() - 1)
    (environment.model_dir() / "xgboost-model").write_bytes(model.save_raw("ubj"))
    if complete and checkpoint:
        for file in (checkpoint, checkpoint.with_suffix(".tmp")):
            file.unlink(missing_ok=True)


def make_folds(table: Table, settings: Settings) -> list[Fold]:
    """Split rows for cross-validation, each fold with its share of every label.

    Rows are shuffled, sorted by label and dealt out like cards; so the folds of a regression have like ranges too.

    Raises:
        ValueError: There are fewer rows than folds.
    """
    count = settings.cv_folds
    if len(table) < count:
        raise ValueError(f"hyperparameter cv_folds = {count}: channel train has {len(table)} rows only")
    order = np.random.default_rng(settings.seed).permutation(len(table))
    order = order[np.argsort(table.labels[order], kind="stable")]
    folds = []
    for number in range(count):
        held_out = np.sort(order[number::count])
        rest = np.setdiff1d(order, held_out)
        data = to_matrix(table.rows(rest), settings)
        folds.append(Fold(data, {"train": data, "validation": to_matrix(table.rows(held_out), settings)}))
    return folds


def to_matrix(table: Table, settings: Settings) -> xgb.DMatrix:
    """Return the table in XGBoost's own form."""
    return xgb.DMatrix(table.features, table.labels, nthread=settings.booster.get("nthread"))


def fingerprint(settings: Settings, tables: Mapping[str, Table]) -> int:
    """Return what tells this training from others that keep their checkpoints in the same place.

    The number of rounds is no part of it, so that a training can be continued for longer.
    """
    parts = [
        settings.booster,
        settings.early_stopping_rounds,
        settings.cv_folds,
        settings.checkpoint_every,
        settings.seed,
    ]
    sums = [table.checksum() for name, table in tables.items() if name != "test"]
    return zlib.crc32(json.dumps([parts, sums], sort_keys=True).encode())


if __name__ == "__main__":
    main()
