"""The arithmetic of the comparison: regret, ranks, shares of runs won, intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.search_runs import Run
from benchmarks.search_tasks import OPEN, family_of

FLOOR = 1e-3
"""Regrets below this count as this: nobody cares which of two such configurations it is."""

Regrets = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Subject to task to seed to normalised regret."""


def with_best_seen(runs: Collection[Run]) -> list[Run]:
    """Return the runs, with the least value of all of them as the best where the true one is not known."""
    least: dict[str, float] = {}
    for run in runs:
        if family_of(run.key.task) in OPEN:
            least[run.key.task] = min(least.get(run.key.task, run.best), run.best, run.curve[-1])
    return [replace(run, best=least.get(run.key.task, run.best)) for run in runs]


def regrets(runs: Iterable[Run], trials: int) -> Regrets:
    """Return the normalised regret of every run that has this many trials.

    It is 0 for the best possible value, 1 for what one random configuration can be expected to give, and never below
    the floor.
    """
    found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        if len(run.curve) >= trials:
            regret = (run.curve[trials - 1] - run.best) / (run.median - run.best)
            found[run.key.subject][run.key.task][run.key.seed] = max(regret, FLOOR)
    return found


def paired(regrets: Regrets, subjects: Collection[str]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the regrets of some subjects where all of them have one.

    Returns:
        Task to subject to regrets, by the same seeds for all.
    """
    tasks = {task: None for subject in subjects for task in regrets[subject]}
    found = {}
    for task in tasks:
        seeds = sorted(set.intersection(*(set(regrets[subject].get(task, {})) for subject in subjects)))
        if seeds:
            found[task] = {subject: np.array([regrets[subject][task][seed] for seed in seeds]) for subject in subjects}
    return found


def pooled(by_task: Sequence[NDArray[np.float64]]) -> float:
    """Return the geometric mean over tasks of the median over seeds."""
    return float(np.exp(np.mean([np.log(np.median(one)) for one in by_task])))


def mean_ranks(by_task: Iterable[Mapping[str, NDArray[np.float64]]]) -> dict[str, float]:
    """Return the mean rank of each subject, 1 for the least regret; equals share the mean of their ranks."""
    ranks = defaultdict(list)
    for one in by_task:
        table = np.array(list(one.values()))
        less = (table[None, :, :] < table[:, None, :]).sum(axis=1)
        equal = (table[None, :, :] == table[:, None, :]).sum(axis=1)
        for subject, row in zip(one, less + (equal + 1) / 2, strict=True):
            ranks[subject].extend(row)
    return {subject: float(np.mean(values)) for subject, values in ranks.items()}


def share_won(pairs: Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Return the share of paired runs in which the first has less regret than the second; a tie is half of one."""
    won = [np.where(own < other, 1.0, np.where(own > other, 0.0, 0.5)) for own, other in pairs]
    return float(np.concatenate(won).mean())


def ratio(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], *, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the ratio of two subjects' pooled regrets, and its 95 % bootstrap interval.

    Args:
        pairs: For each task the regrets of both, by the same seeds.
        draws: How often the seeds of each task are resampled, the same ones for both.
        seed: Of the resampling.
    """
    generator = np.random.default_rng(seed)
    logs = np.zeros(draws)
    for own, other in pairs:
        chosen = generator.integers(len(own), size=(draws, len(own)))
        logs += np.log(np.median(own[chosen], axis=1)) - np.log(np.median(other[chosen], axis=1))
    low, high = np.exp(np.quantile(logs / len(pairs), [0.025, 0.975]))
    middle = pooled([own for own, _ in pairs]) / pooled([other for _, other in pairs])
    return middle, float(low), float(high)
