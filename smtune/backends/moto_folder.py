"""The folder of a job of backend ``moto``, and the emulator over it.

============  ======================================================================
path          what is there
============  ======================================================================
data/         what the emulator keeps
emulator.log  what went wrong with it
ended.json    what it says of the job, once that has ended
models/       models that somebody asked for
lock          held by the process that runs the job
============  ======================================================================
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smtune.backends.tuning_jobs import Answers, plain
from smtune.emulator.child import ChildSettings, EmulatorProcess
from smtune.emulator.service.inheritance import inherit
from smtune.errors import SpecError
from smtune.store import JobDirectory, JobLease, home


@dataclass(frozen=True, slots=True)
class MotoFolder:
    """Where a job of backend ``moto`` is kept. Naming it creates nothing.

    Attributes:
        job_name: Name of the job; names that differ in case only are the same.

    Raises:
        SpecError: The name breaks the rule of names.
    """

    job_name: str

    @property
    def directory(self) -> JobDirectory:
        """The job's own directory."""
        return JobDirectory(self.job_name.lower(), home() / "moto")

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.directory.path

    @property
    def data(self) -> Path:
        """What the emulator keeps."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """Takes what goes wrong with the emulator."""
        return self.path / "emulator.log"

    def begin_with(self, parents: Sequence[str]) -> None:
        """Make the emulator of a new job know others: all of them, or there is no emulator yet.

        Raises:
            StoreError: What is kept of one is damaged, or the disk does not let it.
        """
        if self.data.exists() or not parents:
            return
        draft = self.path / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        for parent in parents:
            inherit(draft, MotoFolder(parent).data)
        draft.rename(self.data)

    def start(self, *, slots: int, region: str, resume: bool) -> EmulatorProcess:
        """Start an emulator.

        Args:
            slots: Training jobs that run at a time.
            region: AWS's region.
            resume: Whether the job goes on; otherwise the emulator only tells of it.

        Raises:
            JobError: It does not start.
        """
        settings = ChildSettings(str(self.data), slots=slots, resume=resume, region=region)
        return EmulatorProcess(settings, self.log)

    def keep(self, answers: Answers) -> None:
        """Keep what an emulator says of a job that has ended: nobody needs to start one to know it."""
        told = {"description": answers.description, "summaries": answers.summaries, "details": answers.details}
        draft = self.path / "ended.new"
        draft.write_text(json.dumps(plain(told)), encoding="utf-8")
        draft.replace(self.path / "ended.json")

    def kept(self) -> Answers | None:
        """Return what an emulator said of the job when it had ended; ``None`` if it has not, or that is damaged."""
        try:
            told = json.loads((self.path / "ended.json").read_text(encoding="utf-8"))
            return Answers(told["description"], told["summaries"], told["details"])
        except (OSError, ValueError, KeyError):
            return None


def has_ended(job_name: str) -> bool:
    """Return whether there is a job of this name that has ended; of what is no name there is none."""
    try:
        return MotoFolder(job_name).kept() is not None
    except SpecError:
        return False


class OwnJob:
    """A job that this process runs.

    Args:
        folder: Where it is kept.
        slots: Training jobs that run at a time.
        region: AWS's region.

    Raises:
        JobBusyError: Another process runs it.
        JobError: Its emulator does not start.

    Attributes:
        emulator: The job's.
        leave: To be called when this process does not run it any more.
    """

    def __init__(self, folder: MotoFolder, *, slots: int, region: str) -> None:
        folder.directory.make()
        self._lease = JobLease(folder.directory)
        self.leave: Callable[[], None] = lambda: None
        try:
            self.emulator: Final = folder.start(slots=slots, region=region, resume=True)
        except BaseException:
            self._lease.release()
            raise

    def close(self) -> None:
        """End its emulator, and let others run the job. Idempotent."""
        self.emulator.close()
        self._lease.release()
        self.leave()
