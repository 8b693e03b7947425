"""What moto lacks of other services, as far as clients of SageMaker need it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any, Final
from uuid import uuid4
from xml.sax.saxutils import escape

from moto.iam.responses import IamResponse
from moto.logs.responses import LogsResponse

from smtune.emulator.moto_plugin.metrics import PATH as METRICS_PATH
from smtune.emulator.moto_plugin.metrics import batch_get_metrics
from smtune.emulator.moto_plugin.responses import Answer, answer, read, refusal
from smtune.emulator.service.errors import ServiceError
from smtune.pricing import STORAGE, Price, PriceBook

PRICE_LIST: Final = "AWSPriceListService.GetProducts"
"""The header ``X-Amz-Target`` of the one operation of the price list that there is."""

_PAGE: Final = 100
"""Entries of a page of the price list at most (``MaxResults``, AWS Price List API Reference)."""


def lacks_simulation() -> bool:
    """Return whether moto cannot say what a role may do."""
    return not hasattr(IamResponse, "simulate_principal_policy")


def simulate_principal_policy(response: Any) -> str:
    """Answer IAM's ``SimulatePrincipalPolicy``: everybody may do everything, as elsewhere in moto."""
    form = response.querystring
    actions = [value[0] for name, value in form.items() if name.startswith("ActionNames.member.")]
    resources = [value[0] for name, value in form.items() if name.startswith("ResourceArns.member.")] or ["*"]
    results = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalDecision>allowed</EvalDecision>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName></member>"
        for action in actions
        for resource in resources
    )
    return (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
        f"<EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
    )


def lacks_stream_prefixes() -> bool:
    """Return whether moto ignores ``logStreamNamePrefix`` of ``FilterLogEvents``."""
    return "logStreamNamePrefix" not in LogsResponse.filter_log_events.__code__.co_consts


def with_stream_prefixes(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``FilterLogEvents`` for requests with a prefix as well."""

    def filter_log_events(response: Any) -> Any:
        prefix = response._get_param("logStreamNamePrefix")  # noqa: SLF001 - how moto's responses read
        if not prefix:
            return original(response)
        group = response._get_param("logGroupName")  # noqa: SLF001
        known = response.logs_backend.groups.get(group)
        streams = [name for name in known.streams if name.startswith(prefix)] if known is not None else []
        rest = ("startTime", "endTime", "limit", "nextToken", "filterPattern")
        # No stream has an empty name, and no name at all would mean all streams.
        events, token, searched = response.logs_backend.filter_log_events(
            group,
            streams or [""],
            *(response._get_param(name) for name in rest),  # noqa: SLF001
            response._get_param("interleaved", False),  # noqa: SLF001
        )
        return json.dumps({"events": events, "nextToken": token, "searchedLogStreams": searched})

    return filter_log_events


def lacking(target: str, path: str) -> Callable[[RLock, bytes | str], Answer] | None:
    """Return what answers a request to a service that moto lacks as a whole; ``None`` for all others.

    Args:
        target: The header ``X-Amz-Target``.
        path: The path of the address.
    """
    if target == PRICE_LIST:
        return products
    return batch_get_metrics if path == METRICS_PATH else None


def products(_gate: RLock, body: bytes | str) -> Answer:
    """Answer the price list's ``GetProducts`` from smtune's own table.

    Args:
        body: The request in JSON. Filters by ``TERM_MATCH`` count, all others are refused.
    """
    try:
        filters, first, size = _asked(read(body))
    except ServiceError as error:
        return refusal(error)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return refusal(ServiceError("InvalidParameterException", f"The request cannot be read: {error!r}"))
    found = [entry for entry in _entries(PriceBook.load().packaged.values()) if _matches(entry, filters)]
    page: dict[str, Any] = {
        "FormatVersion": "aws_v1",
        "PriceList": [json.dumps(entry) for entry in found[first : first + size]],
    }
    if first + size < len(found):
        page["NextToken"] = str(first + size)
    return answer(200, page)


def _asked(request: dict[str, Any]) -> tuple[dict[str, str], int, int]:
    """Return the filters of a request, the number of the first entry, and how many are wanted.

    Raises:
        ServiceError: There is nothing of that kind here.
        AttributeError, KeyError, TypeError, ValueError: The request cannot be read.
    """
    if request.get("ServiceCode") != "AmazonSageMaker":
        raise ServiceError("NotFoundException", "This emulator has prices of AmazonSageMaker only.")
    filters = request.get("Filters", [])
    if any(one["Type"] != "TERM_MATCH" for one in filters):
        raise ServiceError("InvalidParameterException", "This emulator knows filters of the type TERM_MATCH only.")
    size = min(int(request.get("MaxResults", _PAGE)), _PAGE)
    return {one["Field"]: one["Value"] for one in filters}, int(request.get("NextToken", 0)), size


def _matches(entry: dict[str, Any], filters: dict[str, str]) -> bool:
    attributes = {**entry["product"]["attributes"], "productFamily": entry["product"]["productFamily"]}
    return all(attributes.get(field) == value for field, value in filters.items())


def _entries(prices: Iterable[Price]) -> list[dict[str, Any]]:
    """Return prices as entries of AWS's list."""
    return [_entry(price) for price in sorted(prices, key=lambda price: (price.region, price.item))]


def _entry(price: Price) -> dict[str, Any]:
    is_storage = price.item == STORAGE
    sku = f"{price.region}-{price.item}"
    attributes = {
        "servicecode": "AmazonSageMaker",
        "locationType": "AWS Region",
        "regionCode": price.region,
        "component": "Training",
        "usagetype": "Train:VolumeUsage.gp2" if is_storage else f"Train:{price.item}",
    }
    if not is_storage:
        attributes["instanceName"] = price.item
    dimension = {
        "unit": "GB-Mo" if is_storage else "Hrs",
        "description": str(price),
        "pricePerUnit": {"USD": str(price.usd)},
    }
    return {
        "product": {"sku": sku, "productFamily": "ML Instance", "attributes": attributes},
        "serviceCode": "AmazonSageMaker",
        "terms": {"OnDemand": {f"{sku}.on-demand": {"sku": sku, "priceDimensions": {f"{sku}.rate": dimension}}}},
        "publicationDate": f"{price.as_of}T00:00:00Z",
    }
