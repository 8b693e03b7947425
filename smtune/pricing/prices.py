"""Prices with their date and standing: a table in the package, one that was refreshed from AWS, and what the user says."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from smtune.errors import Problem, SpecError
from smtune.pricing.texts import rate_text

STORAGE = "storage"
"""The item that is the ML storage of a training job: general-purpose SSD, in USD per GB-month."""

FALLBACK_REGION = "us-east-1"
"""Whose prices stand in, never silently, for those of a region that nobody knows."""

FILE_NAME = "prices.json"


class Standing(StrEnum):
    """Where a price is known from, as people read it."""

    given = "as the spec says"
    listed = "AWS price list"
    quoted = "AWS price list, quoted by a third party"
    invoice = "published AWS invoice"
    table = "third-party table"
    superseded = "third-party table from before AWS lowered it in 2025"
    recalled = "recalled, not verified"


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs.

    Attributes:
        item: An instance type, or ``STORAGE``.
        region: The region whose price this is; need not be the one that was asked for.
        usd: USD per hour of on-demand training; per GB-month for storage.
        standing: Where the figure is known from.
        as_of: When it was the price; ``None`` for what the user gave.
    """

    item: str
    region: str
    usd: float
    standing: Standing
    as_of: date | None = None

    @property
    def unit(self) -> str:
        """What costs that much."""
        return "GB-month" if self.item == STORAGE else "hour"

    def __str__(self) -> str:
        when = "" if self.as_of is None else f" as of {self.as_of}"
        return f"{rate_text(self.usd)} per {self.unit}{when} ({self.standing})"


Prices = Mapping[tuple[str, str], Price]
"""Region and item to price."""


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All prices that are known here, best first.

    >>> book = PriceBook.load()
    >>> print(book.price("ml.m5.xlarge", "eu-west-1"))
    $0.257 per hour as of 2023-12-31 (published AWS invoice)
    >>> book.price("ml.m5.large", "eu-north-1").region
    'us-east-1'

    Attributes:
        packaged: The table that comes with smtune.
        refreshed: What AWS's price list said when it was last asked.
    """

    packaged: Prices
    refreshed: Prices = field(default_factory=dict)

    @classmethod
    def load(cls, home: Path | None = None) -> PriceBook:
        """Return the packaged prices, and the refreshed ones if there are any.

        Args:
            home: The directory that may hold ``prices.json``, as :func:`smtune.pricing.refresh` writes it.

        Raises:
            SpecError: The file cannot be read, or is no table of prices.
        """
        refreshed = {} if home is None else read_refreshed(home / FILE_NAME)
        return cls(packaged_prices(), refreshed)

    def price(self, item: str, region: str) -> Price | None:
        """Return the best known price, or ``None``.

        A price of the region itself comes before one of another region, and a refreshed one before a packaged one.

        Args:
            item: An instance type, or ``STORAGE``.
            region: Where it runs. Look at the region of the answer: it is ``us-east-1`` if this one has no price.
        """
        for place in dict.fromkeys((region, FALLBACK_REGION)):
            for prices in (self.refreshed, self.packaged):
                if (place, item) in prices:
                    return prices[place, item]
        return None

    def prices(self, region: str) -> list[Price]:
        """Return the best known price of every item in a region, sorted by item; none of other regions."""
        known = {item: price for (place, item), price in self.packaged.items() if place == region}
        known |= {item: price for (place, item), price in self.refreshed.items() if place == region}
        return [known[item] for item in sorted(known)]

    def refreshed_at(self, region: str) -> date | None:
        """Return when AWS was last asked for the prices of a region, or ``None``."""
        return next((price.as_of for (place, _), price in self.refreshed.items() if place == region), None)


def packaged_prices() -> dict[tuple[str, str], Price]:
    """Return the table that comes with smtune."""
    from importlib.resources import files

    text = (files("smtune.pricing") / "table.csv").read_text(encoding="utf-8")
    prices = (
        Price(
            row["item"], row["region"], float(row["usd"]), Standing[row["standing"]], date.fromisoformat(row["as_of"])
        )
        for row in csv.DictReader(text.splitlines())
    )
    return {(price.region, price.item): price for price in prices}


def read_refreshed(path: Path) -> dict[tuple[str, str], Price]:
    """Return the prices of a file that :func:`encode_refreshed` made; none if it is not there.

    Raises:
        SpecError: The file cannot be read, or is no table of prices.
    """
    try:
        regions = json.loads(path.read_text(encoding="utf-8"))["regions"]
        prices = [price for region, entry in regions.items() for price in _decoded(region, entry)]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise file_error(path, f"cannot be read: {error.strerror}", "make it readable, or delete it") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise file_error(path, "is no table of prices", "delete it, or refresh the prices") from error
    return {(price.region, price.item): price for price in prices}


def file_error(path: Path, rule: str, fix: str) -> SpecError:
    """Return what is wrong with the file of refreshed prices."""
    return SpecError([Problem("", path.name, rule, fix)], source=str(path))


def encode_refreshed(prices: Prices) -> dict[str, Any]:
    """Return refreshed prices as plain JSON values: one dated table per region."""
    regions: dict[str, Any] = {}
    for price in sorted(prices.values(), key=lambda price: (price.region, price.item)):
        entry = regions.setdefault(price.region, {"as_of": str(price.as_of), "usd": {}})
        entry["usd"][price.item] = price.usd
    return {"regions": regions}


def _decoded(region: str, entry: Mapping[str, Any]) -> Iterator[Price]:
    as_of = date.fromisoformat(entry["as_of"])
    for item, usd in entry["usd"].items():
        if isinstance(usd, bool) or not math.isfinite(usd) or usd <= 0:
            raise ValueError(item)
        yield Price(item, region, float(usd), Standing.listed, as_of)
