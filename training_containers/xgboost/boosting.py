"""Boost one model, or one per fold in step, with early stopping and checkpoints."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from settings import Settings  # type: ignore[import-not-found] # beside this file, wherever that is

from smtune.container import StopSignal

_HIGHER_IS_BETTER = {"auc", "aucpr", "pre", "map", "ndcg"}


@dataclass(frozen=True)
class Fold:
    """What one model learns from and is measured on.

    Attributes:
        train: Data to learn from.
        evaluations: Data to measure on by name, e.g. ``{"train": ..., "validation": ...}``.
    """

    train: xgb.DMatrix
    evaluations: Mapping[str, xgb.DMatrix]


@dataclass(frozen=True)
class Best:
    """The best round so far; ``model`` is its model where it cannot be cut out of a later one."""

    rounds: int
    score: float
    scores: Mapping[str, float]
    model: bytes | None


def evaluate(booster: xgb.Booster, evaluations: Mapping[str, xgb.DMatrix]) -> dict[str, float]:
    """Return every metric of the booster on every data set, e.g. ``{"train:auc": 0.99}``, in XGBoost's order."""
    line = booster.eval_set([(data, name) for name, data in evaluations.items()])
    scores = {}
    for item in line.split("\t")[1:]:  # "[0]\ttrain-auc:0.99\tvalidation-auc:0.98"
        label, _, value = item.rpartition(":")
        name, _, metric = label.partition("-")
        scores[f"{name}:{metric}"] = float(value)
    return scores


class Boosting:
    """Boosts several models in step, one per fold.

    Every ``checkpoint_every`` rounds the models are written down and read back with a seed of their own, whether or not
    the training is ever interrupted: so one that is resumed from such a checkpoint draws the same random numbers, and
    ends with the same model, as one that is not. After a SIGTERM the checkpoint is of that very round, so that no work
    is lost; then rows, columns or dropped trees may be drawn differently.

    Args:
        settings: Hyperparameters.
        folds: One per model.
        checkpoint: File to resume from, if it exists, and to write to; ``None``: none.
    """

    def __init__(self, settings: Settings, folds: Sequence[Fold], checkpoint: Path | None = None) -> None:
        self.rounds = 0
        self.best: Best | None = None
        self._settings = settings
        self._folds = folds
        self._checkpoint = checkpoint
        self._boosters = self._build([None] * len(folds))
        if self._checkpoint is not None and self._checkpoint.exists():
            self._resume(self._checkpoint)

    def run(self, stop: StopSignal, announce: Callable[[Mapping[str, float], int], None] | None = None) -> bool:
        """Boost until all rounds are done, early stopping strikes, or a stop is requested.

        Args:
            stop: Looked at after each round.
            announce: Called with the scores and the number of each round, from 0.

        Returns:
            Whether the training came to its end.
        """
        while not self._is_over():
            self._boost()
            # A last value that nobody measures is not worth the time.
            if announce or self._settings.early_stopping_rounds:
                scores = self.scores()
                self._judge(scores)
                if announce:
                    announce(scores, self.rounds - 1)
            if stop.requested:
                self._save([booster.save_raw("ubj") for booster in self._boosters])
                return self._is_over()
            every = self._settings.checkpoint_every
            if every and self.rounds % every == 0 and not self._is_over():
                models = [booster.save_raw("ubj") for booster in self._boosters]
                self._save(models)
                self._boosters = self._build(models)
        return True

    def scores(self) -> dict[str, float]:
        """Return the present scores: the mean over the folds, and for validation the spread and the standard error.

        Folds share rows that are learnt from, so the standard error is a rough one (Bengio and Grandvalet, 2004).
        """
        each = [evaluate(booster, fold.evaluations) for booster, fold in zip(self._boosters, self._folds, strict=True)]
        scores = {}
        for name in each[0]:
            values = [scores[name] for scores in each]
            scores[name] = float(np.mean(values))
            if len(values) > 1 and name.startswith("validation:"):
                scores[name + "-std"] = float(np.std(values))
                scores[name + ":se"] = float(np.std(values, ddof=1) / np.sqrt(len(values)))
            if len(values) > 1 and name == self._settings.tuned_metric:
                scores |= {f"{name}:fold-{number}": value for number, value in enumerate(values)}
        return scores

    def final_rounds(self) -> int:
        """Return how many rounds the chosen model has."""
        return self.best.rounds if self.best else self.rounds

    def final_model(self) -> xgb.Booster:
        """Return the model of the best round under early stopping, else of the last one."""
        if self.best is None or self.best.rounds == self.rounds:
            return self._boosters[0]
        if self.best.model is None:
            return self._boosters[0][: self.best.rounds]
        return xgb.Booster(self._parameters(), model_file=bytearray(self.best.model))

    def _is_over(self) -> bool:
        patience = self._settings.early_stopping_rounds
        worn_out = bool(patience and self.best and self.rounds - self.best.rounds >= patience)
        return worn_out or self.rounds >= self._settings.num_round

    def _boost(self) -> None:
        for booster, fold in zip(self._boosters, self._folds, strict=True):
            booster.update(fold.train, self.rounds)
        self.rounds += 1

    def _judge(self, scores: Mapping[str, float]) -> None:
        if not self._settings.early_stopping_rounds:
            return
        measured = [name for name in scores if name.startswith("validation:") and name.count(":") == 1]
        name = [name for name in measured if not name.endswith("-std")][-1]
        metric = name.partition(":")[2].partition("@")[0].rstrip("-")
        score = scores[name] if metric in _HIGHER_IS_BETTER else -scores[name]
        if self.best is None or score > self.best.score:
            # Later rounds rescale the trees of dart and the weights of gblinear: their past cannot be cut out.
            changes = self._settings.booster.get("booster", "gbtree") != "gbtree"
            model = bytes(self._boosters[0].save_raw("ubj")) if changes and len(self._folds) == 1 else None
            self.best = Best(self.rounds, score, dict(scores), model)

    def _parameters(self) -> dict[str, Any]:
        return {**self._settings.booster, "seed": self._settings.seed + self.rounds}

    def _build(self, models: Sequence[bytearray | None]) -> list[xgb.Booster]:
        return [
            xgb.Booster(self._parameters(), [fold.train, *fold.evaluations.values()], model_file=model)
            for fold, model in zip(self._folds, models, strict=True)
        ]

    def _save(self, models: Sequence[bytearray]) -> None:
        if self._checkpoint is None:
            return
        best = self.best
        state = {"rounds": self.rounds, "best": best and [best.rounds, best.score, dict(best.scores)]}
        arrays: dict[str, Any] = {
            f"model_{number}": np.frombuffer(model, np.uint8) for number, model in enumerate(models)
        }
        if best and best.model:
            arrays["best_model"] = np.frombuffer(best.model, np.uint8)
        arrays["state"] = np.array(json.dumps(state))
        content = io.BytesIO()
        np.savez(content, **arrays)
        # Whoever is killed half-way leaves the earlier checkpoint as it was.
        draft = self._checkpoint.with_suffix(".tmp")  # one name: what a killed training left is written over
        with draft.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._checkpoint)

    def _resume(self, checkpoint: Path) -> None:
        with np.load(checkpoint, allow_pickle=False) as content:
            state = json.loads(str(content["state"]))
            if state["rounds"] > self._settings.num_round:
                print(f"checkpoint {checkpoint.name} has more rounds than num_round: starting anew")
                return
            models = [bytearray(content[f"model_{number}"]) for number in range(len(self._folds))]
            best_model = bytes(content["best_model"]) if "best_model" in content else None
        self.rounds = state["rounds"]
        if state["best"]:
            rounds, score, scores = state["best"]
            self.best = Best(rounds, score, scores, best_model)
        self._boosters = self._build(models)
        print(f"resumed after {self.rounds} rounds from {checkpoint}")
