"""How the emulator bears a load: a tuning job of 1,000 training jobs, many clients at once, its end, and nonsense.

Run from the root of the checkout: ``python -m benchmarks.emulator``. Clients are boto3's, in process and over HTTP, and in
the same process as the emulator, so that what boto3 itself takes to read an answer is in the figures. What a single training job costs is measured by
``benchmarks/training_jobs.py``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

from benchmarks.measuring import machine, median, number, print_table, verdict
from smtune.emulator import Emulator, Rule, Settings, emulate, serving
from tests.emulator.fuzzing import fuzz
from tests.emulator.operations import IMAGE, hammer_everything

_TRIVIAL: Final = Rule(IMAGE, command=("/bin/sh", "-c", "echo loss=0.5"))
_ENDLESS: Final = Rule(IMAGE, command=("/bin/sh", "-c", "exec sleep 600"))
_PARALLEL: Final = 4
_REPEATS: Final = 15
_NAME: Final = "benchmark"

Clients = Callable[[str], Any]


@contextmanager
def emulated(rule: Rule, *, over_http: bool) -> Iterator[tuple[Emulator, Clients]]:
    """Run an emulator; yield it, and what makes clients of its services."""
    settings = Settings(slots=_PARALLEL, rules=(rule,))
    config = Config(retries={"total_max_attempts": 1})
    if not over_http:
        with emulate(settings) as emulator:
            yield emulator, lambda name: boto3.client(name, config=config)
        return
    with serving(settings=settings) as served:
        given = {
            "endpoint_url": served.url,
            "region_name": served.region,
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
        }
        yield served, lambda name: boto3.client(name, config=config, **given)


def create(client: Any, emulator: Emulator, count: int) -> None:
    """Create a tuning job."""
    definition = {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "RoleArn": emulator.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{emulator.bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    ranges = [{"Name": name, "MinValue": "0", "MaxValue": "1"} for name in ("x", "y")]
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": count, "MaxParallelTrainingJobs": 10},
        "ParameterRanges": {"ContinuousParameterRanges": ranges},
    }
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=_NAME, HyperParameterTuningJobConfig=config, TrainingJobDefinition=definition
    )


def large_job(count: int, *, over_http: bool) -> tuple[float, dict[str, float]]:
    """Run a tuning job of so many training jobs; return jobs per minute, and operation to milliseconds of CPU of a call."""
    with emulated(_TRIVIAL, over_http=over_http) as (emulator, clients):
        client = clients("sagemaker")
        start = time.perf_counter()
        create(client, emulator, count)
        job = {"HyperParameterTuningJobName": _NAME}
        while client.describe_hyper_parameter_tuning_job(**job)["HyperParameterTuningJobStatus"] == "InProgress":
            time.sleep(0.5)
        rate = count * 60.0 / (time.perf_counter() - start)
        one = client.list_training_jobs(MaxResults=1)["TrainingJobSummaries"][0]["TrainingJobName"]
        by_objective = {"MaxResults": 100, "SortBy": "FinalObjectiveMetricValue"}
        calls: dict[str, Callable[[], object]] = {
            "DescribeHyperParameterTuningJob": lambda: client.describe_hyper_parameter_tuning_job(**job),
            "ListTrainingJobsForHyperParameterTuningJob, 100 of them": lambda: (
                client.list_training_jobs_for_hyper_parameter_tuning_job(**job, **by_objective)
            ),
            "ListHyperParameterTuningJobs": client.list_hyper_parameter_tuning_jobs,
            "DescribeTrainingJob": lambda: client.describe_training_job(TrainingJobName=one),
            "ListTrainingJobs, 100 of them": lambda: client.list_training_jobs(MaxResults=100),
        }
        return rate, {name: _milliseconds(call) for name, call in calls.items()}


def ends(rounds: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds that resets, and ends, of emulators take in which training jobs run."""
    resets, exits = [], []
    for _ in range(rounds):
        with emulated(_ENDLESS, over_http=True) as (emulator, clients):
            client = clients("sagemaker")
            _start(client, emulator)
            start = time.perf_counter()
            urlopen(Request(f"{emulator.url}/moto-api/reset", b"", method="POST")).close()
            resets.append((time.perf_counter() - start) * 1e3)
            _start(client, emulator)
            start = time.perf_counter()
        exits.append((time.perf_counter() - start) * 1e3)
    return resets, exits


def _start(client: Any, emulator: Emulator) -> None:
    """Create a tuning job, and wait until all slots are taken."""
    create(client, emulator, 8)
    while True:
        jobs = client.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
        if sum(one["SecondaryStatus"] == "Training" for one in jobs) == _PARALLEL:
            return
        time.sleep(0.02)


def _milliseconds(call: Callable[[], object]) -> float:
    """Return the median of the CPU time that a call takes, of client and server."""
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        call()
        times.append((time.process_time() - start) * 1e3)
    return median(times) or 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="training jobs of the tuning job")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long many clients ask at once")
    parser.add_argument("--rounds", type=int, default=5, help="how often emulators end")
    parser.add_argument("--requests", type=int, default=10_000, help="how many requests make no sense")
    options = parser.parse_args()
    print(machine(["smtune", "boto3", "moto"]))
    targets = []
    for over_http in (False, True):
        way = "over HTTP" if over_http else "in process"
        rate, calls = large_job(options.jobs, over_http=over_http)
        rows = [[name, number(value)] for name, value in calls.items()]
        print_table(f"CPU of a call {way}, {options.jobs} training jobs", ["operation", "ms"], rows)
        slowest = max(calls.values())
        targets += [
            [f"jobs per minute, {way}", number(rate), ">= 2,000", verdict(rate, at_least=2000.0)],
            [f"slowest List or Describe {way}, ms CPU", number(slowest), "<= 20", verdict(slowest, at_most=20.0)],
        ]
    resets, exits = ends(options.rounds)
    for name, times in (("reset", resets), ("end", exits)):
        value = median(times)
        targets.append(
            [f"{name} with {_PARALLEL} running jobs, ms", number(value), "<= 100", verdict(value, at_most=100.0)]
        )
    with emulated(_TRIVIAL, over_http=True) as (emulator, clients):
        outcome = hammer_everything(clients, emulator.role, emulator.bucket, seconds=options.seconds)
        client = f"8 clients for {number(options.seconds)} s, {outcome.calls:,} calls"
        wrong = len(outcome.errors)
        targets.append([f"{client}: answers of 500, lost jobs", str(wrong), "0", verdict(wrong, at_most=0)])
    with emulated(_TRIVIAL, over_http=False):
        wrong = len(fuzz(options.requests, seed=1))
        targets.append(
            [f"{options.requests:,} requests without sense: other answers", str(wrong), "0", verdict(wrong, at_most=0)]
        )
    print_table("Targets, medians", ["target", "measured", "wanted", ""], targets)
    print("\n".join(dict.fromkeys(outcome.errors)))


if __name__ == "__main__":
    main()
