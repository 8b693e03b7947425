"""A training job of AWS's XGBoost, from its files to its model."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smtune.container.termination import StopSignal, stop_signal
from smtune.sandbox.xgboost_algorithm.data import Source, read_channel
from smtune.sandbox.xgboost_algorithm.errors import AlgorithmError, UserError
from smtune.sandbox.xgboost_algorithm.hyperparameters import Hyperparameters, read_hyperparameters
from smtune.sandbox.xgboost_algorithm.metrics import MAXIMISED, added_metrics, is_added

if TYPE_CHECKING:
    import xgboost

_CUSTOMER_ERRORS: Final = (
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "only contains pos or neg samples",
    "base_score must be in (0,1)",
    "label must be nonnegative",
    "reg_lambda should be greater equal to 0",
)
"""What XGBoost says when the data or the hyperparameters are to blame."""


def run() -> None:
    """Train, as the files under ``/opt/ml`` say; exit with 1 if that fails."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    try:
        _train(base)
    except Exception as error:  # whatever it is, the job has to say so
        kind = type(error).__name__
        text = f"{kind}: {error}" if isinstance(error, UserError | AlgorithmError) else traceback.format_exc()
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output/failure").write_text(f"framework error: \n{text}", encoding="utf-8")
        print(f"Reporting training FAILURE\nframework error: \n{text}", file=sys.stderr, flush=True)  # noqa: T201 - the log of the job
        sys.exit(1)


def _train(base: Path) -> None:
    config = base / "input/config"
    settings = read_hyperparameters(_read(config / "hyperparameters.json"))
    sources = _sources(base / "input/data", _read(config / "inputdataconfig.json"))
    hosts = _read(config / "resourceconfig.json")
    if importlib.util.find_spec("xgboost") is None:
        raise AlgorithmError(f'{sys.executable} has no xgboost: pip install "smtune[xgboost]"')
    data = {
        name: read_channel(source, weights=settings.csv_weights and name == "train") for name, source in sources.items()
    }
    checkpoints = None
    if (config / "checkpointconfig.json").is_file():
        path = _read(config / "checkpointconfig.json").get("LocalPath") or "/opt/ml/checkpoints"
        checkpoints = Checkpoints(base / os.path.relpath(path, "/opt/ml"))
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_signal()) if settings.saves_on_termination else None
        booster = boost(settings, data, checkpoints, stop)
    if hosts["current_host"] == min(hosts["hosts"]):
        (base / "model").mkdir(exist_ok=True)
        (base / "model/xgboost-model").write_bytes(booster.save_raw("ubj"))


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def _sources(folder: Path, channels: Mapping[str, Mapping[str, str]]) -> dict[str, Source]:
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    for name in channels:
        if name not in ("train", "validation", "code"):
            raise UserError(f"Extraneous channel found: {name}")
    sources = {}
    for name in ("train", "validation"):
        if name in channels:
            piped = channels[name].get("TrainingInputMode") == "Pipe"
            sources[name] = Source(folder / (f"{name}_0" if piped else name), channels[name])
    return sources


def boost(
    settings: Hyperparameters,
    data: Mapping[str, xgboost.DMatrix],
    checkpoints: Checkpoints | None,
    stop: StopSignal | None,
) -> xgboost.Booster:
    """Train on channel ``train``, and print the metrics of all channels after each round.

    Args:
        settings: What to do.
        data: The channels.
        checkpoints: Where a training that was interrupted goes on.
        stop: Whether to end early.

    Raises:
        UserError: XGBoost refuses data or hyperparameters.
        AlgorithmError: It fails otherwise.
    """
    import xgboost

    asked = list(settings.eval_metric)
    if settings.tuned_metric is not None:
        asked = sorted({*asked, settings.tuned_metric}) if asked else [settings.tuned_metric]
    native, added = [name for name in asked if not is_added(name)], [name for name in asked if is_added(name)]
    start, model = (0, None) if checkpoints is None else checkpoints.newest()
    callbacks = [_each_round(start, checkpoints, stop)]
    watched = settings.tuned_metric or (asked[-1] if asked else None)
    if settings.early_stopping_rounds and "validation" in data and watched:
        callbacks.append(
            xgboost.callback.EarlyStopping(
                settings.early_stopping_rounds,
                data_name="validation",
                metric_name=watched,
                maximize=watched.partition("@")[0] in MAXIMISED,
                save_best=True,
            )
        )
    parameters = dict(settings.booster) | ({"eval_metric": native} if native else {})
    try:
        return xgboost.train(
            parameters,
            data["train"],
            max(0, settings.rounds - start),
            evals=[(matrix, name) for name, matrix in data.items()],
            custom_metric=added_metrics(added) if added else None,
            callbacks=callbacks,
            xgb_model=model,
            verbose_eval=False,
        )
    except UserError:
        raise
    except Exception as error:
        if any(text in str(error) for text in _CUSTOMER_ERRORS):
            raise UserError(str(error)) from error
        raise AlgorithmError(f"XGB train call failed with exception:\n {error}") from error


def _each_round(start: int, checkpoints: Checkpoints | None, stop: StopSignal | None) -> Any:
    """Return what is done after each round."""
    import xgboost

    class EachRound(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
            scores = "".join(
                f"\t{channel}-{metric}:{values[-1]:.5f}"
                for channel, metrics in evals_log.items()
                for metric, values in metrics.items()
            )
            print(f"[{start + epoch}]{scores}", flush=True)  # noqa: T201 - the log of the job
            if checkpoints is not None:
                checkpoints.save(model, start + epoch)
            return stop is not None and stop.requested

    return EachRound()


class Checkpoints:
    """Models of the last rounds, as the container keeps them: ``xgboost-checkpoint.ROUND``.

    Args:
        folder: Where they are kept.
        most: How many of them.
    """

    def __init__(self, folder: Path, most: int = 5) -> None:
        self._folder = folder
        self._most = most

    def newest(self) -> tuple[int, bytearray | None]:
        """Return how many rounds are done, and the model of the last one."""
        rounds = self._rounds()
        return (rounds[-1] + 1, bytearray(self._path(rounds[-1]).read_bytes())) if rounds else (0, None)

    def save(self, model: xgboost.Booster, number: int) -> None:
        """Keep the model of a round."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"draft-{number}"
        draft.write_bytes(model.save_raw("ubj"))
        draft.rename(self._path(number))
        for old in self._rounds()[: -self._most]:
            self._path(old).unlink()

    def _rounds(self) -> list[int]:
        names = self._folder.glob("xgboost-checkpoint.*")
        return sorted(int(path.suffix[1:]) for path in names if path.suffix[1:].isdigit())

    def _path(self, number: int) -> Path:
        return self._folder / f"xgboost-checkpoint.{number}"
