"""What searches reached: tables in Markdown, and curves."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import number, print_table
from benchmarks.search_peers import Subject
from benchmarks.search_runs import Run
from benchmarks.search_scores import Regrets, mean_ranks, paired, pooled, ratio, regrets, share_won
from benchmarks.search_tasks import FAMILIES, family_of, half_of

CHECKPOINTS = (25, 50, 100, 200)
"""Numbers of trials after which regrets are compared, besides the last."""

BASELINE = "random"
"""What everybody must beat."""

REFERENCE = "optuna-tpe"
"""What ratios are taken to."""

Subjects = Mapping[str, Subject]
"""Name to subject, in the order of the rows."""


def describe(runs: Sequence[Run]) -> str:
    """Return one line on what some runs of one setting have in common."""
    halves = {half_of(run.key.task) for run in runs}
    key = runs[0].key
    half = f"{halves.pop()} half" if len(halves) == 1 else "both halves"
    workers = "1 worker" if key.workers == 1 else f"{key.workers} workers"
    noise = f"noise of {key.noise:g} x (median - best)" if key.noise else "no noise"
    return f"{half} of the tasks, {workers}, {noise}"


def report(runs: Sequence[Run], subjects: Subjects, trials: int) -> None:
    """Print all tables.

    Args:
        runs: Of one setting, that is with the same number of workers and the same noise; at least one.
        subjects: What searched.
        trials: Up to which number of trials.
    """
    print(f"\n## {describe(runs)[0].upper()}{describe(runs)[1:]}")
    last = min(trials, max(len(run.curve) for run in runs))
    for mark in (*(mark for mark in CHECKPOINTS if mark < last), last):
        found = regrets(runs, mark)
        _report_regrets(found, _of(subjects, found), mark, _costs(runs, mark))
    found = regrets(runs, last)
    _report_wins(found, _of(subjects, found), last)
    if REFERENCE in found:
        _report_ratios(found, _of(subjects, found), last)


def _of(subjects: Subjects, found: Regrets) -> Subjects:
    return {name: subject for name, subject in subjects.items() if name in found}


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
    groups = {family: [task for task in known if family_of(task) == family] for family in FAMILIES}
    groups = {family: members for family, members in groups.items() if members}
    return groups if len(groups) <= 1 else groups | {"all": known}


def _report_regrets(found: Regrets, subjects: Subjects, trials: int, costs: Mapping[str, float]) -> None:
    table = paired(found, subjects)
    groups = _groups(table)
    ranks = {group: mean_ranks(table[task] for task in tasks) for group, tasks in groups.items()}
    rows = []
    for name, subject in subjects.items():
        cells = [
            f"{pooled([table[task][name] for task in tasks]):.4f} ({ranks[group][name]:.2f})"
            for group, tasks in groups.items()
        ]
        rows.append([subject.title, *cells, number(costs[name])])
    pairs = sum(len(next(iter(one.values()))) for one in table.values())
    title = f"Normalised regret (mean rank) after {trials} trials; {len(table)} tasks, {pairs} runs of each"
    print_table(title, ["", *groups, "ms CPU per trial"], rows)


def _report_wins(found: Regrets, subjects: Subjects, trials: int) -> None:
    others = [name for name, subject in subjects.items() if name == BASELINE or not subject.ours]
    rows = []
    for name, subject in subjects.items():
        cells = []
        for other in others:
            table = paired(found, [name, other])
            won = share_won((one[name], one[other]) for one in table.values()) if table else None
            cells.append("-" if other == name or won is None else f"{won:.0%}")
        rows.append([subject.title, *cells])
    title = f"Paired runs that the row wins against the column after {trials} trials; a tie is half a win"
    print_table(title, ["", *(subjects[other].title for other in others)], rows)


def _report_ratios(found: Regrets, subjects: Subjects, trials: int) -> None:
    groups = _groups(found[REFERENCE])
    rows = []
    for name, subject in subjects.items():
        if name != REFERENCE:
            table = paired(found, [name, REFERENCE])
            cells = []
            for tasks in groups.values():
                pairs = [(table[task][name], table[task][REFERENCE]) for task in tasks if task in table]
                cells.append("{:.3f} [{:.3f}, {:.3f}]".format(*ratio(pairs)) if pairs else "-")
            rows.append([subject.title, *cells])
    title = f"Regret / that of {subjects[REFERENCE].title} after {trials} trials [95 % bootstrap interval]"
    print_table(title, ["", *groups], rows)


# --- curves ---------------------------------------------------------------------------------------------------


def plot(settings: Sequence[Sequence[Run]], subjects: Subjects, path: Path) -> None:
    """Draw the regret by the number of trials, one row of panels per setting and one column per family.

    Args:
        settings: Runs of one setting each.
        subjects: What searched.
        path: The picture; its suffix says in what format.
    """
    from matplotlib.figure import Figure

    groups = list(_groups({run.key.task: None for runs in settings for run in runs}))
    known = {run.key.subject for runs in settings for run in runs}
    subjects = {name: subject for name, subject in subjects.items() if name in known}
    figure = Figure(figsize=(3.2 * len(groups), 3.0 * len(settings) + 0.8), layout="constrained")
    panels = figure.subplots(len(settings), len(groups), sharex=True, sharey="row", squeeze=False)
    for runs, row in zip(settings, panels, strict=True):
        curves = _curves(runs, subjects)
        row[0].set_ylabel(f"{describe(runs).replace(', ', chr(10))}\n\nnormalised regret")
        for group, panel in zip(groups, row, strict=True):
            for color, (name, subject) in enumerate(subjects.items()):
                curve = curves.get(name, {}).get(group, {})
                style = "-" if subject.ours else "--"
                panel.plot(list(curve), list(curve.values()), style, color=f"C{color}", label=subject.title)
            panel.set_yscale("log")
            panel.set_title(group)
            panel.grid(visible=True, which="both", alpha=0.2)
    for panel in panels[-1]:
        panel.set_xlabel("finished trials")
    lines, titles = panels[0][0].get_legend_handles_labels()
    figure.legend(lines, titles, loc="outside lower center", ncols=min(len(titles), 5), frameon=False)
    figure.savefig(path)


def _curves(runs: Sequence[Run], subjects: Subjects) -> dict[str, dict[str, dict[int, float]]]:
    """Return the pooled regret by subject, group of tasks and number of trials, over runs that all subjects have."""
    curves: dict[str, dict[str, dict[int, float]]] = {}
    for trials in range(1, max(len(run.curve) for run in runs) + 1):
        found = regrets(runs, trials)
        names = list(_of(subjects, found))
        table = paired(found, names)
        for group, tasks in _groups(table).items():
            for name in names:
                curve = curves.setdefault(name, {}).setdefault(group, {})
                curve[trials] = pooled([table[task][name] for task in tasks])
    return curves
