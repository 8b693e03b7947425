"""A *store* keeps everything that happens to one tuning job, in a directory of its own that outlives every process.

Its log of events is the truth; trials, counts and curves are read from projections that follow the log, by any
number of processes, while one holds the job's lease and runs it.
"""

from smtune.store.control import Command, Control, send
from smtune.store.events import (
    Enqueued,
    JobCreated,
    JobEnded,
    JobEvent,
    JobStarted,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialPromoted,
    TrialStarted,
    WarmStarted,
)
from smtune.store.filesystem import StoreWarning
from smtune.store.home import JobDirectory, find, home, names, namesake
from smtune.store.job_store import JobStore
from smtune.store.lease import FileHeldError, FileLease, JobLease, await_trials, is_running
from smtune.store.records import JobRecord
from smtune.store.remotes import RemoteJob, find_remote, forget_remote, read_remotes, remote_jobs
from smtune.store.watch import FileWatch

__all__ = [
    "Command",
    "Control",
    "Enqueued",
    "FileHeldError",
    "FileLease",
    "FileWatch",
    "JobCreated",
    "JobDirectory",
    "JobEnded",
    "JobEvent",
    "JobLease",
    "JobRecord",
    "JobStarted",
    "JobStore",
    "RemoteJob",
    "StopRequested",
    "StoreWarning",
    "Suggested",
    "TrialEnded",
    "TrialMeasured",
    "TrialPromoted",
    "TrialStarted",
    "WarmStarted",
    "await_trials",
    "find",
    "find_remote",
    "forget_remote",
    "home",
    "is_running",
    "names",
    "namesake",
    "read_remotes",
    "remote_jobs",
    "send",
]
