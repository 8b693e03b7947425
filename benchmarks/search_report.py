"""Tables of what searches reached, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.measuring import number, print_table
from benchmarks.search_runs import Run
from benchmarks.search_scores import Regrets, mean_ranks, paired, pooled, ratio, regrets, share_won
from benchmarks.search_tasks import FAMILIES

REFERENCE = "optuna-tpe"
"""What ratios are taken to."""


def report(runs: Sequence[Run], titles: Mapping[str, str], checkpoints: Iterable[int]) -> None:
    """Print all tables for runs of one setting.

    Args:
        runs: With the same number of workers and the same noise.
        titles: Subject to what it is, in the order of the rows.
        checkpoints: Numbers of trials.
    """
    reached = []
    for trials in checkpoints:
        found = regrets(runs, trials)
        subjects = [subject for subject in titles if subject in found]
        if subjects:
            reached.append(trials)
            _report_regrets(found, subjects, titles, trials, _costs(runs, trials))
    if reached:
        found = regrets(runs, reached[-1])
        subjects = [subject for subject in titles if subject in found]
        _report_wins(found, subjects, titles, reached[-1])
        if REFERENCE in subjects:
            _report_ratios(found, subjects, titles, reached[-1])


def _costs(runs: Iterable[Run], trials: int) -> dict[str, float]:
    """Return the mean CPU milliseconds per trial of each subject."""
    costs: dict[str, list[float]] = {}
    for run in runs:
        if len(run.cpu) >= trials:
            costs.setdefault(run.key.subject, []).append(run.cpu[trials - 1] / trials * 1e3)
    return {subject: statistics.fmean(values) for subject, values in costs.items()}


def _groups(tasks: Iterable[str]) -> dict[str, list[str]]:
    """Return the families of some tasks, and all of them together."""
    known = list(tasks)
    groups = {family: [task for task in known if task.startswith(f"{family}:")] for family in FAMILIES}
    groups = {family: members for family, members in groups.items() if members}
    return groups if len(groups) == 1 else groups | {"all": known}


def _report_regrets(
    found: Regrets, subjects: Sequence[str], titles: Mapping[str, str], trials: int, costs: Mapping[str, float]
) -> None:
    table = paired(found, subjects)
    groups = _groups(table)
    ranks = {group: mean_ranks(table[task] for task in tasks) for group, tasks in groups.items()}
    rows = []
    for subject in subjects:
        cells = [
            f"{pooled([table[task][subject] for task in tasks]):.4f} ({ranks[group][subject]:.2f})"
            for group, tasks in groups.items()
        ]
        rows.append([titles[subject], *cells, number(costs[subject])])
    pairs = sum(len(next(iter(one.values()))) for one in table.values())
    title = f"Normalised regret (mean rank) after {trials} trials; {len(table)} tasks, {pairs} paired runs"
    print_table(title, ["", *groups, "ms CPU per trial"], rows)


def _report_wins(found: Regrets, subjects: Sequence[str], titles: Mapping[str, str], trials: int) -> None:
    rows = []
    for subject in subjects:
        cells = []
        for other in subjects:
            table = paired(found, [subject, other])
            won = share_won((one[subject], one[other]) for one in table.values()) if table else None
            cells.append("-" if other == subject or won is None else f"{won:.0%}")
        rows.append([titles[subject], *cells])
    title = f"Paired runs that the row wins against the column after {trials} trials (ties count half)"
    print_table(title, ["", *(titles[subject] for subject in subjects)], rows)


def _report_ratios(found: Regrets, subjects: Sequence[str], titles: Mapping[str, str], trials: int) -> None:
    rows = []
    header: dict[str, None] = {}
    for subject in subjects:
        if subject == REFERENCE:
            continue
        table = paired(found, [subject, REFERENCE])
        cells = []
        for group, tasks in _groups(table).items():
            header[group] = None
            middle, low, high = ratio([(table[task][subject], table[task][REFERENCE]) for task in tasks])
            cells.append(f"{middle:.3f} [{low:.3f}, {high:.3f}]")
        rows.append([titles[subject], *cells])
    print_table(f"Regret / {titles[REFERENCE]}'s after {trials} trials, with 95 % interval", ["", *header], rows)
