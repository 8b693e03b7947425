import math
import shutil
import sqlite3
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings

from smtune.errors import JobError, JobExistsError, StoreError
from smtune.store import (
    Enqueued,
    JobDirectory,
    JobEnded,
    JobEvent,
    JobRecord,
    JobStarted,
    JobStore,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialStarted,
    WarmStarted,
)
from smtune.store.creation import create_database
from smtune.store.schema import MIGRATIONS
from smtune.trial import Measurement, Trial, TrialStatus
from tests.unit.store.histories import SPEC, everything_of, histories, job_created, sql

FIRST_RUN: list[JobEvent] = [
    JobStarted(4711, "laptop", at=1001.0),
    Suggested(0, {"eta": 0.1, "depth": 3}, "random", at=1002.0),
    Suggested(1, {"eta": 0.2, "depth": 4}, "crossover of 0 and 0", repeat=1, at=1002.0),
    TrialStarted(0, at=1003.0),
    TrialMeasured(0, {"auc": 0.8, "loss": 0.5}, step=0, at=1004.0),
    TrialMeasured(0, {"auc": 0.9}, step=1, at=1005.0),
    TrialMeasured(0, {"test:auc": 0.85}, at=1006.0),
    TrialEnded(0, TrialStatus.Completed, 0.9, at=1007.0),
    TrialStarted(1, at=1008.0),
    TrialMeasured(1, {"auc": 0.4}, step=0, at=1009.0),
]


def test_what_a_job_takes_over_from_others_is_there_with_it(directory: JobDirectory) -> None:
    parents = [{"name": "old", "used": 1, "left_out": {}}]
    warm = WarmStarted("TransferLearning", parents, [({"eta": 0.5, "depth": 3}, 0.25)], [{"eta": 0.5}], at=1000.0)
    with JobStore.create(directory, job_created(), warm) as created:
        assert list(created.events()) == [job_created(), warm]
        assert created.job().warm_start == {"type": "TransferLearning", "parents": parents}


def test_new_job_is_told_as_it_was_created(store: JobStore) -> None:
    assert store.job() == JobRecord(
        name="churn",
        backend="local",
        spec=SPEC,
        seed=7,
        warm_start=None,
        status="InProgress",
        reason=None,
        created_at=1000.0,
        started_at=None,
        ended_at=None,
        stop_requested=False,
    )
    assert store.trials() == []
    assert list(store.events()) == [job_created()]


def test_trials_follow_the_events(store: JobStore) -> None:
    store.append(FIRST_RUN)
    completed, running = store.trials()
    assert completed == Trial(
        number=0,
        parameters={"eta": 0.1, "depth": 3},
        status=TrialStatus.Completed,
        objective=0.9,
        metrics={"auc": 0.9, "loss": 0.5, "test:auc": 0.85},
        step=1,
        started_at=1003.0,
        ended_at=1007.0,
        origin="random",
    )
    assert running == Trial(
        number=1,
        parameters={"eta": 0.2, "depth": 4},
        metrics={"auc": 0.4},
        step=0,
        started_at=1008.0,
        origin="crossover of 0 and 0",
        repeat=1,
    )
    assert store.trial(1) == running
    assert store.counts() == {
        TrialStatus.InProgress: 1,
        TrialStatus.Completed: 1,
        TrialStatus.Failed: 0,
        TrialStatus.Stopped: 0,
    }


def test_measurements_are_kept_in_order(store: JobStore) -> None:
    store.append(FIRST_RUN)
    assert store.measurements(0) == [
        Measurement({"auc": 0.8, "loss": 0.5}, step=0, at=1004.0),
        Measurement({"auc": 0.9}, step=1, at=1005.0),
        Measurement({"test:auc": 0.85}, step=None, at=1006.0),
    ]


def test_failure_keeps_its_reason_and_last_lines(store: JobStore) -> None:
    store.append(FIRST_RUN)
    lines = ["Traceback (most recent call last):", "ValueError: caf\u00e9 \udcff\x00"]
    store.append([TrialEnded(1, TrialStatus.Failed, None, "exit code 1: ValueError", lines, at=1010.0)])
    assert store.trial(1).failure_reason == "exit code 1: ValueError"
    assert store.log_tail(1) == tuple(lines)
    assert store.log_tail(0) == ()


def test_trial_started_again_starts_afresh_and_the_log_keeps_the_first_attempt(store: JobStore) -> None:
    store.append(FIRST_RUN)
    store.append([TrialEnded(1, TrialStatus.Stopped, 0.4, "the job was stopped", at=1010.0)])
    store.append([JobStarted(4712, "laptop", at=2000.0), TrialStarted(1, at=2001.0)])
    assert store.trial(1) == Trial(
        number=1, parameters={"eta": 0.2, "depth": 4}, started_at=2001.0, origin="crossover of 0 and 0", repeat=1
    )
    assert store.measurements(1) == []
    assert store.trial(0).status is TrialStatus.Completed
    store.append([TrialMeasured(1, {"auc": 0.45}, step=0, at=2002.0)])
    assert [one.metrics for one in store.measurements(1)] == [{"auc": 0.45}]
    measured = [event for event in store.events() if isinstance(event, TrialMeasured) and event.number == 1]
    assert [event.metrics for event in measured] == [{"auc": 0.4}, {"auc": 0.45}]


def test_job_goes_through_its_states(store: JobStore) -> None:
    store.append([JobStarted(1, "laptop", at=1001.0)])
    store.append([StopRequested(at=1002.0)])
    assert (store.job().status, store.job().stop_requested) == ("InProgress", True)
    store.append([JobEnded("Stopped", "stopped on request", at=1003.0)])
    stopped = store.job()
    assert (stopped.status, stopped.reason, stopped.ended_at) == ("Stopped", "stopped on request", 1003.0)
    store.append([JobStarted(2, "laptop", at=1004.0)])
    resumed = store.job()
    assert (resumed.status, resumed.reason, resumed.ended_at) == ("InProgress", None, None)
    assert (resumed.started_at, resumed.stop_requested) == (1001.0, False)


def test_numbers_that_sqlite_does_not_know_survive(store: JobStore) -> None:
    store.append([Suggested(0, {"big": 10**30, "small": 5e-324, "minus": -0.0, "whole": 1}, "grid", at=1.0)])
    store.append([TrialMeasured(0, {"a": math.nan, "b": math.inf, "c": -math.inf}, step=10**30, at=2.0)])
    store.append([TrialEnded(0, TrialStatus.Failed, math.nan, at=3.0)])
    trial = store.trial(0)
    assert repr(trial.parameters) == repr({"big": 10**30, "small": 5e-324, "minus": -0.0, "whole": 1})
    assert repr(trial.metrics) == repr({"a": math.nan, "b": math.inf, "c": -math.inf})
    assert trial.step == 10**30
    assert trial.objective is not None
    assert math.isnan(trial.objective)


_names = (f"job{number}" for number in count())


@settings(max_examples=30, deadline=None)
@given(history=histories())
def test_any_log_comes_back_and_its_projections_equal_those_told_anew(
    tmp_path_factory: pytest.TempPathFactory, history: list[JobEvent]
) -> None:
    directory = JobDirectory(next(_names), tmp_path_factory.getbasetemp() / "any")
    creation, *log = history
    with JobStore.create(directory, creation) as store:  # type: ignore[arg-type]
        for start in range(0, len(log), 3):
            store.append(log[start : start + 3])
        assert repr(list(store.events())) == repr(history)
        as_it_grew = everything_of(store)
        store.rebuild()
        assert everything_of(store) == as_it_grew
    with JobStore.open(directory, read_only=True) as again:
        assert everything_of(again) == as_it_grew
    shutil.rmtree(directory.path)


def test_rebuild_replaces_what_the_projections_held(store: JobStore, directory: JobDirectory) -> None:
    store.append(FIRST_RUN)
    right = everything_of(store)
    sql(directory.database, "UPDATE trial SET status = 'Failed'", "DELETE FROM measurement", "DELETE FROM job")
    store.rebuild()
    assert everything_of(store) == right


def test_log_can_be_read_from_where_one_left_off(store: JobStore) -> None:
    store.append(FIRST_RUN)
    assert list(store.events(after=1 + len(FIRST_RUN))) == []
    assert list(store.events(after=4)) == FIRST_RUN[3:]
    added = StopRequested(at=1100.0)
    store.append([added])
    assert list(store.events(after=1 + len(FIRST_RUN))) == [added]


def test_long_log_is_read_whole_also_while_it_grows(store: JobStore) -> None:
    store.append([Enqueued({"n": number}, at=float(number)) for number in range(2500)])
    seen = 0
    for event in store.events():
        if isinstance(event, Enqueued):
            assert event.configuration == {"n": seen}
            seen += 1
            if seen == 1200:
                store.append([Enqueued({"n": 2500}, at=2500.0)])
    assert seen == 2501


def test_transaction_is_all_or_nothing(store: JobStore) -> None:
    with pytest.raises(ValueError, match="trial 9 was never suggested; append Suggested before TrialStarted"):
        store.append([Suggested(0, {}, "random", at=1.0), TrialStarted(9, at=1.0)])
    assert store.trials() == []
    assert list(store.events()) == [job_created()]
    store.append([Suggested(0, {}, "random", at=1.0)])
    assert len(store.trials()) == 1


@pytest.mark.parametrize(
    "event",
    [
        TrialStarted(5, at=1.0),
        TrialMeasured(5, {"auc": 1.0}, at=1.0),
        TrialEnded(5, TrialStatus.Completed, at=1.0),
        Suggested(0, {}, "random", at=1.0),
        job_created(),
        StopRequested(at=math.nan),
    ],
)
def test_events_that_contradict_the_log_are_refused(store: JobStore, event: JobEvent) -> None:
    store.append(FIRST_RUN)
    before = everything_of(store)
    with pytest.raises(ValueError, match=r"trial 5 was never suggested|the log of job churn says otherwise"):
        store.append([event])
    assert everything_of(store) == before


def test_value_that_is_no_json_costs_nothing(store: JobStore) -> None:
    with pytest.raises(TypeError):
        store.append([StopRequested(at=1.0), Enqueued({"eta": object()}, at=2.0)])  # type: ignore[dict-item]
    assert not store.job().stop_requested


def test_nothing_to_append_is_no_event(store: JobStore) -> None:
    store.append([])
    assert list(store.events()) == [job_created()]


def test_durable_events_are_synced_and_later_ones_fast_again(store: JobStore) -> None:
    levels: list[str] = []
    store._connection.set_trace_callback(levels.append)
    store.append([StopRequested(at=1.0)], durable=True)
    store.append([StopRequested(at=2.0)])
    words = [one for one in levels if one.startswith(("PRAGMA", "BEGIN", "COMMIT"))]
    full, normal = "PRAGMA synchronous = FULL", "PRAGMA synchronous = 1"
    assert words == [full, "BEGIN IMMEDIATE", "COMMIT", normal, "BEGIN IMMEDIATE", "COMMIT"]


@pytest.mark.parametrize("number", [3, -1])
def test_unknown_trial_is_told_with_those_there_are(store: JobStore, number: int) -> None:
    with pytest.raises(JobError, match=f"job churn has no trial {number}; it has none yet"):
        store.trial(number)
    store.append(FIRST_RUN)
    for ask in (store.trial, store.measurements, store.log_tail):
        with pytest.raises(JobError, match=f"job churn has no trial {number}; its trials are 0 to 1"):
            ask(number)


def test_name_is_taken_once(store: JobStore) -> None:
    with pytest.raises(JobExistsError, match=r'there is a job "churn" already .*, in .*smtune resume churn'):
        JobStore.create(JobDirectory("churn"), job_created())
    with pytest.raises(JobExistsError, match='there is a job "churn" already'):
        JobStore.create(JobDirectory("CHURN"), job_created())
    assert store.job().name == "churn"


@pytest.mark.parametrize(
    ("status", "resumable"), [("InProgress", True), ("Stopped", True), ("Completed", False), ("Failed", False)]
)
def test_only_a_job_that_can_go_on_is_offered_in_place_of_a_new_one(
    store: JobStore, directory: JobDirectory, status: str, resumable: bool
) -> None:
    if status != "InProgress":
        store.append([JobEnded(status=status, at=1.0)])
    with pytest.raises(JobExistsError) as caught:
        JobStore.create(directory, job_created())
    assert f'there is a job "churn" already ({status}), in {directory.path}; take another name' in str(caught.value)
    assert ("smtune resume churn" in str(caught.value)) is resumable


def test_name_of_a_damaged_job_is_taken(directory: JobDirectory) -> None:
    directory.make()
    directory.database.write_bytes(b"no database")
    with pytest.raises(JobExistsError, match=r'there is a job "churn" already, in .*churn; take another name$'):
        JobStore.create(directory, job_created())


def test_refused_name_leaves_no_directory(store: JobStore, directory: JobDirectory) -> None:
    with pytest.raises(JobExistsError):
        JobStore.create(JobDirectory("CHURN"), job_created())
    assert [entry.name for entry in directory.path.parent.iterdir() if entry.is_dir()] == ["churn"]
    assert store.job().name == "churn"


def test_full_disk_at_creation_leaves_nothing_and_offers_nothing_to_go_on_with(directory: JobDirectory) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        with JobStore(connection, directory.database) as store:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
            store.append([replace(job_created(), spec={"note": "x" * 100_000})])

    with pytest.raises(StoreError) as caught:
        create_database(directory, fill)
    assert f"{directory.database}: the disk is full; the job was not created: free space" in str(caught.value)
    assert "then start the job again" in str(caught.value)
    assert "resume" not in str(caught.value)
    assert not directory.path.exists()
    JobStore.create(directory, job_created()).close()


def test_what_a_killed_creation_left_is_in_nobodys_way(directory: JobDirectory) -> None:
    directory.make()
    (directory.path / "job.sqlite.new").write_bytes(b"half a file")
    with JobStore.create(directory, job_created()) as store:
        assert store.job().name == "churn"
    assert [entry.name for entry in directory.path.iterdir()] == ["job.sqlite"]


def test_readers_see_what_is_written_after_they_opened(store: JobStore, directory: JobDirectory) -> None:
    with JobStore.open(directory, read_only=True) as reader, JobStore.open(directory.database, read_only=True) as other:
        store.append(FIRST_RUN)
        assert everything_of(reader) == everything_of(other) == everything_of(store)


def test_reader_cannot_write(store: JobStore, directory: JobDirectory) -> None:
    with JobStore.open(directory, read_only=True) as reader:
        with pytest.raises(StoreError, match="may not be written; give yourself write permission"):
            reader.append([StopRequested(at=1.0)])
        assert not reader.job().stop_requested


def test_store_belongs_to_the_thread_that_opened_it(store: JobStore) -> None:
    caught: list[BaseException] = []

    def use() -> None:
        try:
            store.append([StopRequested(at=1.0)])
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(60)
    assert "thread" in str(caught[0])
    store.append([StopRequested(at=1.0)])


def test_closed_store_says_so(store: JobStore) -> None:
    store.close()
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.job()


def test_file_is_closed_even_while_an_error_is_kept(directory: JobDirectory, store: JobStore) -> None:
    with JobStore.open(directory, read_only=True) as reader, pytest.raises(StoreError) as kept:
        reader.append([StopRequested(at=1.0)])
    store.close()
    assert kept.value
    # The last one to close a file merges its write-ahead log, which the reader would have prevented.
    with JobStore.open(directory):
        pass
    assert not directory.database.with_name("job.sqlite-wal").exists()


@pytest.fixture
def beyond_one_page(store: JobStore, directory: JobDirectory) -> Path:
    store.append([Suggested(number, {"eta": 0.1}, "random", at=1.0) for number in range(500)])
    store.close()
    return directory.database


def test_truncated_file_is_told(beyond_one_page: Path, directory: JobDirectory) -> None:
    size = beyond_one_page.stat().st_size
    with beyond_one_page.open("r+b") as file:
        file.truncate(size // 2)
    with pytest.raises(StoreError, match=r"job\.sqlite: is damaged.*restore it from a copy.*\.recover"):
        JobStore.open(directory)
    with pytest.raises(StoreError, match="is damaged"):
        JobStore.open(directory, read_only=True)


def test_overwritten_page_is_told(beyond_one_page: Path, directory: JobDirectory) -> None:
    with beyond_one_page.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    with pytest.raises(StoreError, match="is damaged"):
        JobStore.open(directory)


def test_projection_that_another_program_broke_is_told(store: JobStore, directory: JobDirectory) -> None:
    store.append(FIRST_RUN)
    sql(directory.database, "UPDATE trial SET metrics = '{'", "UPDATE event SET kind = 'Unheard' WHERE seq = 3")
    with pytest.raises(StoreError, match=r"job\.sqlite: is damaged"):
        store.trials()
    with pytest.raises(StoreError, match=r"is damaged \(event 3: "):
        list(store.events())


def test_sqlite_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    sql(path, "CREATE TABLE mine (x)")
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"other\.sqlite: is not the log of a job"):
            JobStore.open(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database at all\n" * 100])
def test_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"notes\.txt: is not the log of a job.*name another file"):
        JobStore.open(path)


def test_missing_file_is_told(directory: JobDirectory) -> None:
    with pytest.raises(StoreError, match=r"job\.sqlite: there is no such file; see `smtune list`"):
        JobStore.open(directory)
    assert not directory.path.exists()


def test_file_of_a_newer_smtune_asks_for_an_upgrade(store: JobStore, directory: JobDirectory) -> None:
    store.close()
    sql(directory.database, "PRAGMA user_version = 99")
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"written by a newer smtune .*; pip install -U smtune"):
            JobStore.open(directory, read_only=read_only)


def test_settings_of_a_store_for_writing(store: JobStore) -> None:
    def ask(pragma: str) -> object:
        return store._connection.execute(f"PRAGMA {pragma}").fetchone()[0]

    assert ask("journal_mode") == "wal"
    assert ask("synchronous") == 1  # NORMAL
    assert ask("busy_timeout") == 30_000
    assert ask("foreign_keys") == 1
    assert ask("application_id") == int.from_bytes(b"smtu", "big")
    assert ask("user_version") == len(MIGRATIONS)


def test_file_can_be_queried_by_hand(store: JobStore, directory: JobDirectory) -> None:
    store.append(FIRST_RUN)
    assert sql(directory.database, "SELECT kind, trial FROM event WHERE seq = 3") == [("Suggested", 0)]
    best = "SELECT number FROM trial WHERE status = 'Completed' ORDER BY ended ->> 'objective' DESC LIMIT 1"
    if sqlite3.sqlite_version_info >= (3, 38):
        assert sql(directory.database, best) == [(0,)]
