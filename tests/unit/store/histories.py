"""Logs to test with: small ones written by hand, and any that hypothesis can think of."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from smtune.store import (
    Enqueued,
    JobCreated,
    JobEnded,
    JobEvent,
    JobStarted,
    JobStore,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialStarted,
    WarmStarted,
)
from smtune.trial import TrialStatus

SPEC = {"name": "churn", "objective": {"metric": "auc", "goal": "Maximize"}, "parameters": {"eta": {"min": 1e-5}}}

# Lone surrogates are what undecodable bytes of a log become.
texts = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = st.floats() | st.integers()
values = st.none() | st.booleans() | numbers | texts
configurations: st.SearchStrategy[dict[str, Any]] = st.dictionaries(texts, st.booleans() | numbers | texts, max_size=4)
times = st.floats(min_value=0.0, allow_infinity=False)
steps = st.none() | st.integers()
metrics = st.dictionaries(texts, st.floats(), max_size=3)
endings = st.sampled_from([TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped])
specs = st.dictionaries(texts, values | st.lists(values, max_size=3) | configurations, max_size=3)

creations = st.builds(JobCreated, texts, texts, specs, st.integers(), at=times)
warm_starts = st.builds(
    WarmStarted,
    texts,
    st.lists(specs, max_size=2),
    st.lists(st.tuples(configurations, st.floats()), max_size=3),
    st.lists(configurations, max_size=2),
    at=times,
)
interludes = (
    st.builds(JobStarted, st.integers(), texts, at=times)
    | st.builds(Enqueued, configurations, at=times)
    | st.builds(StopRequested, at=times)
    | st.builds(JobEnded, endings.map(str), st.none() | texts, at=times)
)


def suggestions(number: int) -> st.SearchStrategy[Suggested]:
    return st.builds(Suggested, st.just(number), configurations, texts, st.integers(0, 9), at=times)


def happenings(number: int) -> st.SearchStrategy[JobEvent]:
    """Return what can happen to a trial once it is suggested, in any order."""
    known = st.just(number)
    return (
        st.builds(TrialStarted, known, at=times)
        | st.builds(TrialMeasured, known, metrics, steps, at=times)
        | st.builds(
            TrialEnded,
            known,
            endings,
            st.none() | st.floats(),
            st.none() | texts,
            st.lists(texts, max_size=3),
            at=times,
        )
    )


@st.composite
def histories(draw: st.DrawFn) -> list[JobEvent]:
    """Return the log of a job with up to four trials."""
    log: list[JobEvent] = [draw(creations), *draw(st.lists(warm_starts, max_size=1))]
    trials = 0
    for _ in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(["trial", "trial", "suggest", "interlude"]))
        if kind == "interlude":
            log.append(draw(interludes))
        elif kind == "trial" and trials:
            log.append(draw(happenings(draw(st.integers(0, trials - 1)))))
        elif trials < 4:
            log.append(draw(suggestions(trials)))
            trials += 1
    return log


def job_created(name: str = "churn", *, at: float = 1000.0) -> JobCreated:
    return JobCreated(name, "local", SPEC, 7, at=at)


def everything_of(store: JobStore) -> str:
    """Return all that a store answers, as text: two nan are unequal, but look the same."""
    trials = store.trials()
    parts: list[object] = [store.job(), trials, store.counts()]
    for trial in trials:
        parts += [store.trial(trial.number), store.measurements(trial.number), store.log_tail(trial.number)]
    return repr(parts)


def sql(path: Path, *statements: str) -> list[Any]:
    """Run statements on a file as another program would; return the last one's rows."""
    rows: list[Any] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


def python(*arguments: object) -> list[str]:
    """Return the command that runs this Python with warnings as errors, as the tests themselves do."""
    return [sys.executable, "-W", "error", *map(str, arguments)]
