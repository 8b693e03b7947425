import json

import pytest
from hypothesis import given, settings

from smtune.store import JobEnded, JobEvent, TrialEnded, TrialMeasured
from smtune.store.events import KINDS, decode_event, encode_body
from smtune.trial import TrialStatus
from tests.unit.store.histories import histories


@settings(max_examples=40, deadline=None)
@given(histories())
def test_every_event_comes_back_from_its_body_exactly(log: list[JobEvent]) -> None:
    for event in log:
        body = encode_body(event)
        again = decode_event(type(event).__name__, event.at, getattr(event, "number", None), body)
        # Text, because nan differs from itself; it also tells 1 from 1.0 and 0.0 from -0.0.
        assert repr(again) == repr(event)


def test_body_leaves_out_what_has_a_column_of_its_own() -> None:
    body = encode_body(TrialMeasured(3, {"auc": 0.1 + 0.2}, step=2, at=5.0))
    assert json.loads(body) == {"metrics": {"auc": 0.30000000000000004}, "step": 2}


def test_body_is_ascii_so_that_any_log_line_fits() -> None:
    event = TrialEnded(0, TrialStatus.Failed, reason="caf\u00e9 \udcff", log_tail=["\x00"], at=1.0)
    assert encode_body(event).isascii()


def test_status_of_an_end_may_be_written_as_text() -> None:
    event = TrialEnded(0, "Failed", log_tail=["a", "b"], at=1.0)  # type: ignore[arg-type]
    assert event.status is TrialStatus.Failed
    assert event.log_tail == ("a", "b")


def test_nothing_ends_in_progress() -> None:
    with pytest.raises(ValueError, match="trial 4 cannot end as InProgress; end it as Completed"):
        TrialEnded(4, TrialStatus.InProgress, at=1.0)
    for status in ("InProgress", "Finished"):
        with pytest.raises(ValueError, match=f"a job cannot end as {status}; end it as Completed, Failed or Stopped"):
            JobEnded(status, at=1.0)


def test_values_that_are_no_json_are_refused() -> None:
    with pytest.raises(TypeError):
        encode_body(TrialMeasured(0, {"auc": object()}, at=1.0))  # type: ignore[dict-item]


def test_kinds_are_events_of_the_union() -> None:
    assert set(KINDS.values()) == set(JobEvent.__args__)
