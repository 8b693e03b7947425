"""Where a job is to run, or runs, by what the command line says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtune.cli.options import BackendName, IsolationName

if TYPE_CHECKING:
    from smtune.backends import Backend, TuningJob


def new_place(
    backend: BackendName,
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    isolation: IsolationName | None = None,
) -> Backend:
    """Return the backend for a new job.

    Raises:
        SpecError: It does not speak to AWS, and an option says how to; or it isolates no trials, and an option says how.
    """
    from smtune.backends import AmtBackend, LocalModeBackend, open_backend
    from smtune.errors import Problem, SpecError

    if isolation is not None and backend != "local-mode":
        rule = f"is for backend local-mode, and not for {backend}"
        raise SpecError([Problem("--isolation", isolation, rule, "add --backend local-mode")])
    if backend == "amt":
        return AmtBackend(profile=profile, region=region, endpoint_url=endpoint_url)
    given = {"--profile": profile, "--region": region, "--endpoint-url": endpoint_url}
    rule = f"is for backends that speak to AWS, and {backend} does not"
    # Without the values: there may be a password in an address.
    problems = [Problem(key, None, rule, "add --backend amt") for key, value in given.items() if value is not None]
    if problems:
        raise SpecError(problems)
    if backend == "local-mode":
        return LocalModeBackend(isolation=isolation or "auto")
    return open_backend(backend)


def reference(name: str, backend: str) -> str:
    """Return how commands are told of a job: by its name, and by its backend if several have the name."""
    from smtune.store import home, namesake, remote_jobs

    places = {job.backend for job in remote_jobs() if job.name.lower() == name.lower()}
    own = "here" if backend in ("local", "local-mode") else backend
    if namesake(name, home()) is not None:
        places.add("here")
    return f"{name} --backend {backend}" if places - {own} else name


def known_job(name: str, backend: BackendName | None) -> TuningJob:
    """Return a job that is known here.

    Raises:
        JobNotFoundError: There is none of this name.
        JobError: There are several, and nothing says which.
    """
    from smtune.backends import TuningJob, backend_of, find_job, open_backend
    from smtune.store import find_remote

    if backend is None:
        return find_job(name)
    remote = find_remote(name, backend)
    job = TuningJob(backend_of(remote[0]) if remote else open_backend(backend), name)
    job.result()
    return job
