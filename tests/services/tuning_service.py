"""SageMaker's tuning jobs on this machine, one step per question, with moto's S3, IAM, STS and logs beside them.

What it answers has the shapes of SageMaker's recorded answers. Nothing is trained: the values of the objective, and
what goes wrong, are written down by the test.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock, Thread
from typing import Any, Literal, Self

import boto3
import botocore.session
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from smtune.amt.limits import Severity, check_request

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMaker"
_MOTO: tuple[Literal["iam", "logs", "s3", "sts"], ...] = ("iam", "logs", "s3", "sts")

Answer = tuple[int, dict[str, Any]]

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name in werkzeug
        """Stay quiet."""


class TuningService:
    """To be used in a ``with`` statement.

    Attributes:
        calls: Names of the operations of SageMaker that were asked for, in their order.
        values: Number of a training job to its objective; ``None`` for none.
        failures: Number of a training job to the reason of its failure.
        troubles: What is answered to the next calls instead: error codes, or ``None`` for the truth.
        before: Operation to what happens before it is done, once.
        price_list: Entries of AWS's price list, JSON text each.
        uploads: Keys of what was put into S3.
        denied: Operations that these credentials may not use.
        expired: Names of access keys that are no longer valid.
        bodies: What was sent to create tuning jobs, as it came.
        adds: What the service adds to the definitions of the jobs that it describes.
        steps: How far jobs get from one question to the next.
        holding: Whether training jobs go on until they are stopped.
        prints: What training jobs print, by their number and hyperparameters; nothing by default.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.values: Callable[[int], float | None] = lambda number: 0.5 + number / 100
        self.failures: dict[int, str] = {}
        self.troubles: list[str | None] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.price_list: list[str] = []
        self.uploads: list[str] = []
        self.denied: set[str] = set()
        self.expired: set[str] = set()
        self.bodies: list[bytes] = []
        self.adds: dict[str, Any] = {}
        self.steps = 1
        self.holding = False
        self.prints: Callable[[int, Mapping[str, str]], Iterable[str]] = lambda _number, _tuned: ()
        self.page = 100
        self._jobs: dict[str, dict[str, Any]] = {}
        self._trainings: dict[str, list[dict[str, Any]]] = {}
        self._deleted: set[str] = set()
        self._port = 0
        self._lock = Lock()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __enter__(self) -> Self:
        self._reset()
        self.connect()
        return self

    def __exit__(self, *_error: object) -> None:
        self.disconnect()
        self._reset()

    def connect(self) -> None:
        """Listen, at the same address as before."""
        self._server = make_server("127.0.0.1", self._port, self._application, threaded=True, request_handler=_Quiet)
        self._port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def disconnect(self) -> None:
        """Be gone from the network; what is known stays."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @staticmethod
    def _reset() -> None:
        for name in _MOTO:
            get_backend(name).reset()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a client of one of the services, with credentials of its own."""
        session = boto3.session.Session("AKIDEXAMPLE", "not-to-be-told", region_name=region)
        return session.client(service, endpoint_url=self.url)

    def print_lines(self, training_job: str, lines: Iterable[str], host: str = "algo-1") -> None:
        """Let an instance of a training job print lines."""
        logs = self.client("logs")
        group = "/aws/sagemaker/TrainingJobs"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
        stream = f"{training_job}/{host}-1767225600"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now + place, "message": line} for place, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def training_jobs(self, name: str) -> list[str]:
        """Return the names of the training jobs of a tuning job, in the order of their creation."""
        return [one["TrainingJobName"] for one in self._trainings[name.lower()]]

    def delete_training_job(self, training_job: str) -> None:
        """Forget a training job; the list of its tuning job still has it."""
        self._deleted.add(training_job)

    def advance(self, name: str) -> None:
        """End the training jobs that run, and start the next ones."""
        job, trainings = self._jobs[name.lower()], self._trainings[name.lower()]
        limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
        stopping = job["HyperParameterTuningJobStatus"] == "Stopping"
        now = time.time()
        if self.holding and not stopping and any(one["TrainingJobStatus"] == "InProgress" for one in trainings):
            return
        for number, one in enumerate(trainings):
            if one["TrainingJobStatus"] == "InProgress":
                self._end(one, job, number, now, stopped=stopping)
        left = limits.get("MaxNumberOfTrainingJobs", 4) - len(trainings)
        failed = [one["TrainingJobStatus"] for one in trainings].count("Failed")
        if failed == len(trainings) >= 5:
            job["FailureReason"] = (
                "No training job succeeded after 5 attempts. "
                "Please take a look at the training job failures to get more details."
            )
            self._finish(job, "Failed", now)
        elif stopping or left <= 0:
            self._finish(job, "Stopped" if stopping else "Completed", now)
        else:
            for _ in range(min(left, limits["MaxParallelTrainingJobs"])):
                trainings.append(self._training(job, len(trainings), now))

    def _finish(self, job: dict[str, Any], status: str, now: float) -> None:
        job |= {"HyperParameterTuningJobStatus": status, "HyperParameterTuningEndTime": now}

    def _training(self, job: Mapping[str, Any], number: int, now: float) -> dict[str, Any]:
        name = job["HyperParameterTuningJobName"]
        digits = hashlib.sha256(f"{name}{number}".encode()).hexdigest()[:8]
        training = f"{name}-{number + 1:03d}-{digits}"
        definitions = _definitions(job)
        definition = definitions[number % len(definitions)]
        ranges = definition.get("HyperParameterRanges") or job["HyperParameterTuningJobConfig"]["ParameterRanges"]
        tuned = {one["Name"]: one["ValueHint"] for one in ranges.get("AutoParameters", [])}
        for one in ranges.get("ContinuousParameterRanges", []):
            low, high = float(one["MinValue"]), float(one["MaxValue"])
            tuned[one["Name"]] = repr(low + (high - low) * (number % 10) / 10)
        for one in ranges.get("IntegerParameterRanges", []):
            low, high = int(one["MinValue"]), int(one["MaxValue"])
            tuned[one["Name"]] = str(low + number % (high - low + 1))
        for one in ranges.get("CategoricalParameterRanges", []):
            tuned[one["Name"]] = one["Values"][number % len(one["Values"])]
        return {
            "TrainingJobName": training,
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{training}",
            "CreationTime": now + number / 1000,
            "TrainingStartTime": now,
            "TrainingJobStatus": "InProgress",
            "TunedHyperParameters": tuned,
            "ObjectiveStatus": "Pending",
            **({"TrainingJobDefinitionName": definition["DefinitionName"]} if "DefinitionName" in definition else {}),
        }

    def _end(self, training: dict[str, Any], job: Mapping[str, Any], number: int, now: float, *, stopped: bool) -> None:
        training |= {"TrainingEndTime": now + 60, "ObjectiveStatus": "Failed"}
        lines = list(self.prints(number, training["TunedHyperParameters"]))
        if lines:
            self.print_lines(training["TrainingJobName"], lines)
        value = self.values(number)
        if number in self.failures:
            training |= {"TrainingJobStatus": "Failed", "FailureReason": self.failures[number]}
        elif stopped:
            training |= {"TrainingJobStatus": "Stopped"}
        else:
            training |= {"TrainingJobStatus": "Completed"}
            if value is not None:
                metric = {"MetricName": _objective(job, _definition_of(job, training)), "Value": value}
                training |= {"FinalHyperParameterTuningJobObjectiveMetric": metric, "ObjectiveStatus": "Succeeded"}

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].count("/") > 1:
            self.uploads.append(environ["PATH_INFO"].split("/", 2)[2])
        if _is_denied(environ, target):
            start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(_DENIED)))])
            return [_DENIED]
        if target == "AWSPriceListService.GetProducts":
            return self._answer_json(start_response, 200, {"FormatVersion": "aws_v1", "PriceList": self.price_list})
        if not target.startswith("SageMaker."):
            answered: Iterable[bytes] = self._moto(environ, start_response)
            return answered
        sent = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.before.pop(target.removeprefix("SageMaker."), lambda: None)()
        key = environ["HTTP_AUTHORIZATION"].partition("Credential=")[2].partition("/")[0]
        with self._lock:
            status, answer = self._answer(target.removeprefix("SageMaker."), sent, key)
        return self._answer_json(start_response, status, answer)

    @staticmethod
    def _answer_json(start_response: Any, status: int, answer: dict[str, Any]) -> Iterable[bytes]:
        body = json.dumps(answer).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
        return [body]

    def _answer(self, operation: str, sent: bytes, key: str) -> Answer:
        self.calls.append(operation)
        trouble = self.troubles.pop(0) if self.troubles else None
        if key in self.expired:
            trouble = "ExpiredTokenException"
        if operation in self.denied:
            trouble = "AccessDeniedException"
        if trouble is not None:
            return (500 if trouble == "InternalFailure" else 400), {"__type": trouble, "message": "not now"}
        request: dict[str, Any] = json.loads(sent)
        if operation == "CreateHyperParameterTuningJob":
            self.bodies.append(sent)
        operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "CreateHyperParameterTuningJob": self._create,
            "DescribeHyperParameterTuningJob": self._describe,
            "DescribeTrainingJob": self._describe_training,
            "ListTrainingJobsForHyperParameterTuningJob": self._list,
            "StopHyperParameterTuningJob": self._stop,
        }
        return operations[operation](request)

    def _create(self, request: dict[str, Any]) -> Answer:
        name = request["HyperParameterTuningJobName"]
        refused = [one for one in check_request(request) if one.severity is Severity.error]
        if refused:
            return 400, {"__type": "ValidationException", "message": refused[0].message}
        if name.lower() in self._jobs:
            message = f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
            return 400, {"__type": "ResourceInUse", "message": message}
        self.requests.append(request)
        described = json.loads(json.dumps({key: value for key, value in request.items() if key != "Tags"}))
        for definition in _definitions(described):
            static = definition.setdefault("StaticHyperParameters", {})
            static["_tuning_objective_metric"] = _objective(described, definition)
            definition.update(self.adds)
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/{name}"
        self._jobs[name.lower()] = {
            **described,
            "HyperParameterTuningJobArn": arn,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": time.time(),
        }
        self._trainings[name.lower()] = []
        return 200, {"HyperParameterTuningJobArn": arn}

    def _describe(self, request: dict[str, Any]) -> Answer:
        name = request["HyperParameterTuningJobName"].lower()
        if name not in self._jobs:
            return 400, _not_found(request["HyperParameterTuningJobName"])
        for _ in range(self.steps):
            if self._jobs[name]["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping"):
                self.advance(name)
        statuses = Counter(one["TrainingJobStatus"] for one in self._trainings[name])
        objectives = Counter(one["ObjectiveStatus"] for one in self._trainings[name])
        return 200, {
            **self._jobs[name],
            "TrainingJobStatusCounters": {
                "Completed": statuses["Completed"],
                "InProgress": statuses["InProgress"],
                "RetryableError": 0,
                "NonRetryableError": statuses["Failed"],
                "Stopped": statuses["Stopped"],
            },
            "ObjectiveStatusCounters": {key: objectives[key] for key in ("Succeeded", "Pending", "Failed")},
        }

    def _list(self, request: dict[str, Any]) -> Answer:
        name = request["HyperParameterTuningJobName"].lower()
        if name not in self._jobs:
            return 400, _not_found(request["HyperParameterTuningJobName"])
        trainings = list(self._trainings[name])
        if request.get("SortOrder") == "Descending":
            trainings.reverse()
        begin, size = int(request.get("NextToken", 0)), min(request.get("MaxResults", 10), self.page)
        page = {"TrainingJobSummaries": trainings[begin : begin + size]}
        return 200, page | ({"NextToken": str(begin + size)} if begin + size < len(trainings) else {})

    def _stop(self, request: dict[str, Any]) -> Answer:
        job = self._jobs[request["HyperParameterTuningJobName"].lower()]
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            message = (
                f"The request was rejected because the tuning job is in status {job['HyperParameterTuningJobStatus']}."
            )
            return 400, {"__type": "ValidationException", "message": message}
        job["HyperParameterTuningJobStatus"] = "Stopping"
        return 200, {}

    def _describe_training(self, request: dict[str, Any]) -> Answer:
        wanted = request["TrainingJobName"]
        for name, trainings in self._trainings.items():
            for one in trainings:
                if one["TrainingJobName"] == wanted and wanted not in self._deleted:
                    return 200, self._training_description(self._jobs[name], one)
        return 400, {"__type": "ValidationException", "message": "Requested resource not found."}

    def _training_description(self, job: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, Any]:
        definition = _definition_of(job, training)
        name = training["TrainingJobName"]
        final = training.get("FinalHyperParameterTuningJobObjectiveMetric")
        metrics = [] if final is None else [final, {"MetricName": "test:auc", "Value": final["Value"] - 0.01}]
        output = definition["OutputDataConfig"]["S3OutputPath"]
        return {
            **{key: value for key, value in training.items() if key not in ("TunedHyperParameters", "ObjectiveStatus")},
            "TuningJobArn": job["HyperParameterTuningJobArn"],
            "ModelArtifacts": {"S3ModelArtifacts": f"{output}/{name}/output/model.tar.gz"},
            "SecondaryStatus": training["TrainingJobStatus"],
            "AlgorithmSpecification": definition["AlgorithmSpecification"],
            "ResourceConfig": definition.get("ResourceConfig", {}),
            "StoppingCondition": definition["StoppingCondition"],
            "FinalMetricDataList": [{**metric, "Timestamp": training["CreationTime"]} for metric in metrics],
            "TrainingTimeInSeconds": 60,
            "BillableTimeInSeconds": 20,
        }


_DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>not yours</Message></Error></ErrorResponse>"


def _is_denied(environ: dict[str, Any], target: str) -> bool:
    """Return whether the credentials lack the permission: what moto cannot do is denied, and other accounts' buckets."""
    if environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", ACCOUNT) != ACCOUNT:
        return True
    if target.startswith("ServiceQuotas"):
        return True
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return False
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return b"Action=SimulatePrincipalPolicy" in body


def _definitions(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    return job["TrainingJobDefinitions"] if "TrainingJobDefinitions" in job else [job["TrainingJobDefinition"]]


def _definition_of(job: Mapping[str, Any], training: Mapping[str, Any]) -> Mapping[str, Any]:
    name = training.get("TrainingJobDefinitionName")
    return next(one for one in _definitions(job) if one.get("DefinitionName") == name)


def _objective(job: Mapping[str, Any], definition: Mapping[str, Any]) -> str:
    own = definition.get("TuningObjective") or job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return str(own["MetricName"])


def _not_found(name: str) -> dict[str, Any]:
    message = f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
    return {"__type": "ResourceNotFound", "message": message}
