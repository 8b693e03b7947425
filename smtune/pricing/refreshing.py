"""Prices from AWS itself: the Price List Query API, asked when the user wants it.

Its entries are JSON text. Which attributes they have differs between instance types and has changed over the years, so
that everything of a region is read and told apart here: by the usage type, e.g. ``EUC1-Train:ml.m5.xlarge``, which is
what an invoice is made of, and only without one by ``component`` and ``platoinstancetype``.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from smtune.errors import Problem, SpecError
from smtune.pricing.prices import FILE_NAME, STORAGE, Price, Standing, encode_refreshed, file_error, read_refreshed

ENDPOINT_REGIONS = ("us-east-1", "eu-central-1", "ap-south-1")
"""Where the Price List Query API answers, for all regions (botocore's endpoints of ``pricing``)."""

_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_TRAINING = re.compile(rf"(?:[A-Z0-9]+-)?Train:({_INSTANCE.pattern})")
_STORED = re.compile(r"(?:[A-Z0-9]+-)?Train:VolumeUsage\.gp2")
_STORED_TEXT = "Training Job ML storage"  # in the line of an invoice: "$0.154 per GB-Mo of Training Job ML storage"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What AWS's price list told.

    Attributes:
        path: The file that holds it now.
        region: The region that was asked for.
        as_of: The day.
        instances: How many instance types have a price of training there.
        storage: Whether the price of ML storage was among it.
        unreadable: How many entries could not be read.
    """

    path: Path
    region: str
    as_of: date
    instances: int
    storage: bool
    unreadable: int

    def __str__(self) -> str:
        storage = "and of ML storage" if self.storage else "but none of ML storage"
        skipped = f"; {self.unreadable} entries could not be read" if self.unreadable else ""
        return f"prices of {self.instances} instance types {storage} in {self.region} as of {self.as_of}{skipped}"


def refresh(client: Any, region: str, home: Path, *, today: date | None = None) -> Refreshed:
    """Ask AWS for the prices of training in a region, and keep them in ``prices.json``.

    Prices of other regions that are in the file already stay there. The file is replaced as a whole, or not at all.

    Args:
        client: boto3's client of ``pricing``, in one of ``ENDPOINT_REGIONS``.
        region: The region whose prices are wanted; any.
        home: The directory that holds the file; it is made if need be.
        today: The date that the prices get; by default today's in UTC.

    Raises:
        SpecError: AWS lists no prices of training there, or the file cannot be written.
        botocore.exceptions.ClientError: AWS refuses; likewise the other errors of the client.
    """
    as_of = today or datetime.now(UTC).date()
    found, unreadable = _listed(client, region)
    instances = sum(item != STORAGE for item in found)
    if not instances:
        skipped = f" ({unreadable} entries could not be read)" if unreadable else ""
        rule = f"has no price of training in AWS's price list{skipped}"
        fix = "check that SageMaker is in this region, and the endpoint, or try again later; known prices are kept"
        raise SpecError([Problem("region", region, rule, fix)])
    path = home / FILE_NAME
    kept: dict[tuple[str, str], Price] = {}
    with suppress(SpecError):  # a file that cannot be read is what a refresh repairs
        kept = {key: price for key, price in read_refreshed(path).items() if key[0] != region}
    new = {(region, item): Price(item, region, usd, Standing.listed, as_of) for item, usd in found.items()}
    _replace(path, json.dumps(encode_refreshed(kept | new), indent=1) + "\n")
    return Refreshed(path, region, as_of, instances, STORAGE in found, unreadable)


def _listed(client: Any, region: str) -> tuple[dict[str, float], int]:
    """Return the price of every item in a region, and how many entries could not be read."""
    pages = client.get_paginator("get_products").paginate(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}],
        FormatVersion="aws_v1",
    )
    certain: dict[str, float] = {}
    likely: dict[str, float] = {}
    unreadable = 0
    for page in pages:
        for text in page.get("PriceList", ()):
            try:
                entry = json.loads(text) if isinstance(text, str | bytes) else text
                for item, usd, is_certain in _prices_in(entry, region):
                    prices = certain if is_certain else likely
                    prices[item] = max(usd, prices.get(item, 0.0))  # a worst case must not be too low
            except Exception:  # whatever one entry is like, the others count
                unreadable += 1
    return likely | certain, unreadable


def _prices_in(entry: Mapping[str, Any], region: str) -> Iterator[tuple[str, float, bool]]:
    """Yield item, USD, and whether its usage type says so, for what a trial is billed."""
    attributes = entry["product"]["attributes"]
    if attributes.get("regionCode", region) != region or attributes.get("locationType", "AWS Region") != "AWS Region":
        return
    for term in entry["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            item, is_certain = _item(attributes, dimension)
            if item is None or "USD" not in dimension["pricePerUnit"]:
                continue
            usd = float(dimension["pricePerUnit"]["USD"])
            if math.isfinite(usd) and usd > 0:  # a free tier is listed as 0
                yield item, usd, is_certain


def _item(attributes: Mapping[str, Any], dimension: Mapping[str, Any]) -> tuple[str | None, bool]:
    usage = attributes.get("usagetype") or ""
    unit = dimension.get("unit", "").lower()
    if unit.startswith("gb-mo"):
        stored = _STORED.fullmatch(usage) or _STORED_TEXT in dimension.get("description", "")
        return (STORAGE if stored else None), True
    if not unit.startswith(("hr", "hour")):
        return None, False
    if found := _TRAINING.fullmatch(usage):
        return found[1], True
    if usage or "Training" not in (attributes.get("component"), attributes.get("platoinstancetype")):
        return None, False
    name = attributes.get("instanceName") or attributes.get("instanceType", "").removesuffix("-Training")
    return (name if _INSTANCE.fullmatch(name) else None), False


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole: whoever reads it sees the old one or the new one."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise file_error(path, f"cannot be written: {error.strerror}", "make its directory writable") from error
