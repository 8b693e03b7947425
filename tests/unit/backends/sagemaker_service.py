"""SageMaker's tuning jobs, answered over HTTP on this machine: boto3 comes as it is."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

ACCOUNT = "123456789012"
REGION = "eu-west-1"
PAGE = 10
"""Training jobs per answer, fewer than boto3 asks for."""


def arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:sagemaker:{REGION}:{account}:hyper-parameter-tuning-job/{name}"


class SageMakerService:
    """Knows tuning jobs by name; to be used in a ``with`` statement."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        self.refusal: tuple[str, str] | None = None
        self.calls: list[str] = []

    def add(self, name: str, summaries: list[dict[str, Any]], status: str = "Completed", **config: Any) -> None:
        objective = {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"}}
        description = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": arn(name),
            "HyperParameterTuningJobConfig": {"Strategy": "Bayesian", **(config or objective)},
            "HyperParameterTuningJobStatus": status,
            "CreationTime": 1772341500.0,
            "TrainingJobStatusCounters": {},
            "ObjectiveStatusCounters": {},
        }
        self.jobs[name] = (description, summaries)

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append(operation)
        if self.refusal is not None:
            return 400, {"__type": self.refusal[0], "message": self.refusal[1]}
        name = request["HyperParameterTuningJobName"]
        if name not in self.jobs:
            return 400, {"__type": "ResourceNotFound", "message": f"can't find a tuning job called {name}"}
        description, summaries = self.jobs[name]
        if operation == "DescribeHyperParameterTuningJob":
            return 200, description
        begin = int(request.get("NextToken", 0))
        page = {"TrainingJobSummaries": summaries[begin : begin + PAGE]}
        return 200, page | ({"NextToken": str(begin + PAGE)} if begin + PAGE < len(summaries) else {})

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = service.answer(self.headers["X-Amz-Target"].removeprefix("SageMaker."), request)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"
