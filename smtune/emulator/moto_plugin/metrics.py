"""``BatchGetMetrics`` of SageMaker's metrics: what training jobs measured, step by step or by time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from itertools import groupby
from threading import RLock
from typing import Any, Final

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends

from smtune.emulator.moto_plugin.aws import DIMENSION, NAMESPACE
from smtune.emulator.moto_plugin.responses import Answer, answer, read, refusal
from smtune.emulator.service.errors import ServiceError, validation

PATH: Final = "/BatchGetMetrics"

_ARN_PARTS: Final = 6
_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Avg": statistics.fmean,
    "Count": len,
    "Last": lambda values: values[-1],
    "Max": max,
    "Min": min,
    "StdDev": statistics.pstdev,
}
_SECONDS: Final = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}


def batch_get_metrics(gate: RLock, body: bytes | str) -> Answer:
    """Answer a request. Queries that cannot be answered say so each for itself, as those of AWS do."""
    try:
        queries = read(body).get("MetricQueries")
        if not isinstance(queries, list) or not all(isinstance(one, dict) for one in queries):
            raise validation("MetricQueries must be a list of queries")
    except ServiceError as error:
        return refusal(error)
    return answer(200, {"MetricQueryResults": [_result(gate, query) for query in queries]})


def _result(gate: RLock, query: Mapping[str, Any]) -> dict[str, Any]:
    try:
        points = _points(gate, query["ResourceArn"], query["MetricName"])
        statistic = _STATISTICS[query["MetricStat"]]
        if query["XAxisType"] == "IterationNumber":
            groups = [(number, [value]) for number, (_, value) in enumerate(points)]
        else:
            period = _SECONDS[query["Period"]]
            by_period = groupby(points, key=lambda point: int(point[0]) // period * period)
            groups = [(start, [value for _, value in group]) for start, group in by_period]
        first, last = query.get("Start", 0), query.get("End", float("inf"))
        chosen = {x: float(statistic(values)) for x, values in groups if first <= x <= last}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return {
            "Status": "ValidationError",
            "Message": f"cannot be read: {error!r}",
            "XAxisValues": [],
            "MetricValues": [],
        }
    return {"Status": "Complete", "XAxisValues": list(chosen), "MetricValues": list(chosen.values())}


def _points(gate: RLock, arn: str, name: str) -> list[tuple[float, float]]:
    """Return times and values of a metric, oldest first.

    Raises:
        ValueError: The resource is no training job.
    """
    parts = arn.split(":", _ARN_PARTS - 1)
    kind, _, job = parts[-1].partition("/")
    if len(parts) != _ARN_PARTS or kind != "training-job":
        raise ValueError(arn)
    region, account = parts[3:5]
    with gate:
        if region not in cloudwatch_backends[account]:
            raise ValueError(arn)
        found = [
            datum
            for datum in cloudwatch_backends[account][region].metric_data
            if isinstance(datum, MetricDatum)
            and (datum.namespace, datum.name) == (NAMESPACE, name)
            and any((one.name, one.value) == (DIMENSION, job) for one in datum.dimensions)
        ]
    points = [(datum.timestamp.replace(tzinfo=UTC).timestamp(), datum.value) for datum in found]
    return sorted(points, key=lambda point: point[0])
