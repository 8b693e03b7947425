"""Trials that go on after a pause: one curve, one row, and the time of all their parts."""

import pytest

from smtune.errors import StoreError
from smtune.store import (
    JobEvent,
    JobStarted,
    JobStore,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialPromoted,
    TrialStarted,
)
from smtune.trial import TrialStatus

STOPPED = TrialStatus.Stopped


def measured(at: float, *steps: int | None) -> list[JobEvent]:
    return [TrialMeasured(0, {"loss": 1.0, "at": at}, step=step, at=at) for step in steps]


def paused(*steps: int | None) -> list[JobEvent]:
    """A trial that was given three steps, and took two seconds for them."""
    return [
        JobStarted(4711, "laptop", at=1.0),
        Suggested(0, {"eta": 0.1}, "random", resource=3, at=2.0),
        TrialStarted(0, at=3.0),
        *measured(4.0, *steps),
        TrialEnded(0, STOPPED, 0.5, "early stopping: paused", paused=True, at=5.0),
    ]


def curve(store: JobStore) -> list[tuple[int | None, float]]:
    return [(one.step, one.at) for one in store.measurements(0)]


def test_a_promoted_trial_is_in_progress_with_what_it_had(store: JobStore) -> None:
    store.append(paused(0, 1, 2))
    assert (store.trial(0).paused, store.trial(0).resource, store.trial(0).seconds) == (True, 3, 2.0)
    store.append([TrialPromoted(0, 9, at=6.0)])
    trial = store.trial(0)
    assert (trial.status, trial.paused, trial.resource) == (TrialStatus.InProgress, True, 9)
    assert (trial.objective, trial.failure_reason, trial.started_at, trial.ended_at) == (None, None, None, None)
    assert (trial.metrics["at"], trial.step, trial.seconds_before) == (4.0, 2, 2.0)
    store.append([TrialStarted(0, at=10.0), TrialEnded(0, TrialStatus.Completed, 0.4, at=13.0)])
    trial = store.trial(0)
    assert (trial.status, trial.paused, trial.objective, trial.seconds) == (TrialStatus.Completed, False, 0.4, 5.0)
    assert trial.metrics["at"] == 4.0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((0, 1, 2), (3, 4), [(0, 4.0), (1, 4.0), (2, 4.0), (3, 8.0), (4, 8.0)]),  # from its checkpoint
        ((0, 1, 2), (1, 2, 3), [(0, 4.0), (1, 8.0), (2, 8.0), (3, 8.0)]),  # from an earlier one
        ((0, 1, 2), (0, 1), [(0, 8.0), (1, 8.0)]),  # from the start
        ((0, 1, 2, 1), (3, 4, 1), [(0, 4.0), (1, 4.0), (2, 4.0), (1, 4.0), (3, 8.0), (4, 8.0), (1, 8.0)]),  # best last
        ((None, None), (None,), [(None, 8.0)]),  # without steps nobody knows; it counts as a new start
        ((0, 1, None), (2,), [(0, 4.0), (1, 4.0), (2, 8.0)]),  # the outcome of a part is no outcome
    ],
)
def test_the_curve_goes_on_where_the_first_report_says(
    store: JobStore, before: list[int | None], after: list[int | None], expected: list[tuple[int | None, float]]
) -> None:
    store.append([*paused(*before), TrialPromoted(0, 9, at=6.0), TrialStarted(0, at=7.0), *measured(8.0, *after)])
    assert curve(store) == expected


def test_an_attempt_that_was_killed_leaves_nothing_that_is_reported_again(store: JobStore) -> None:
    store.append([*paused(0, 1, 2), TrialPromoted(0, 9, at=6.0), TrialStarted(0, at=7.0), *measured(8.0, 3, 4, 5)])
    store.append([JobStarted(4712, "laptop", at=9.0), TrialStarted(0, at=10.0), *measured(11.0, 3, 4)])
    assert curve(store) == [(0, 4.0), (1, 4.0), (2, 4.0), (3, 11.0), (4, 11.0)]


def test_a_trial_that_was_never_suggested_is_not_promoted(store: JobStore) -> None:
    with pytest.raises((StoreError, ValueError), match="append Suggested before TrialPromoted"):
        store.append([TrialPromoted(7, 9, at=6.0)])
