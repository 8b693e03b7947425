"""``smtune prices``: what instances cost per hour of training, and where that is known from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smtune.cli.options import EndpointUrl, Output, OutputFormat, Profile, Region

if TYPE_CHECKING:
    from smtune.pricing import Price, PriceBook


def prices(
    types: Annotated[
        list[str] | None, typer.Argument(metavar="[TYPE]...", help="Instance types, e.g. ml.m5.xlarge; by default all.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask AWS's price list first, and keep what it says below $SMTUNE_HOME.")
    ] = False,
    output: OutputFormat = Output.table,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Show what training on SageMaker costs in a region: per instance and hour, and per GB-month of storage."""
    from smtune.backends.amt_plan import configured_region
    from smtune.cli.output import print_json, print_table
    from smtune.errors import Problem, SpecError
    from smtune.pricing import PriceBook
    from smtune.store import home

    chosen = region or configured_region(profile)
    if chosen is None:
        fix = "write e.g. --region eu-west-1, or set AWS_DEFAULT_REGION"
        raise SpecError([Problem("--region", None, "is missing, and no AWS region is configured", fix)])
    if refresh:
        _refresh(chosen, profile, endpoint_url)
    found = _chosen(PriceBook.load(home()), chosen, types or [])
    if output is Output.json:
        print_json([_to_dict(price) for price in found])
        return
    rows = [
        (one.item, one.region, f"{one.usd:.10g}", "" if one.as_of is None else str(one.as_of), one.standing.value)
        for one in found
    ]
    print_table(("type", "region", "usd", "as of", "known from"), rows, numbers=frozenset(("usd",)))


def _refresh(region: str, profile: str | None, endpoint_url: str | None) -> None:
    from smtune.backends.aws import Account
    from smtune.backends.aws.troubles import explained
    from smtune.pricing import ENDPOINT_REGIONS, refresh
    from smtune.store import home

    client = Account(profile, region, endpoint_url).client("pricing", region=ENDPOINT_REGIONS[0])
    with explained("the prices", service="AWS's price list", actions="pricing:GetProducts"):
        found = refresh(client, region, home())
    typer.echo(str(found), err=True)


def _chosen(book: PriceBook, region: str, types: Sequence[str]) -> list[Price]:
    """Return the prices that were asked for.

    Raises:
        SpecError: One is not known, or none at all.
    """
    from smtune.errors import Problem, SpecError
    from smtune.pricing.prices import FALLBACK_REGION
    from smtune.spec.problems import closest

    if not book.prices(region):
        _check_region(region)
    ask = f"ask AWS: smtune prices --refresh --region {region}"
    if not types:
        found = book.prices(region)
        if not found:
            raise SpecError([Problem("--region", region, "has no price that is known here", ask)])
        return found
    prices = {name: book.price(name, region) for name in types}
    known = [price.item for place in (region, FALLBACK_REGION) for price in book.prices(place)]
    problems = [
        Problem("TYPE", name, "has no price that is known here", closest(name, known, ask))
        for name, price in prices.items()
        if price is None
    ]
    if problems:
        raise SpecError(problems)
    return [price for price in prices.values() if price is not None]


def _check_region(region: str) -> None:
    """Refuse what is no region of AWS, as far as that is known here: botocore has the list, and may not be installed.

    Raises:
        SpecError: It is none.
    """
    from importlib.util import find_spec

    from smtune.backends.aws.session import region_problem
    from smtune.errors import SpecError

    problem = region_problem(region) if find_spec("botocore") is not None else None
    if problem is not None:
        raise SpecError([replace(problem, field="--region")])


def _to_dict(price: Price) -> dict[str, Any]:
    return {
        "item": price.item,
        "region": price.region,
        "usd": price.usd,
        "unit": price.unit,
        "as_of": None if price.as_of is None else str(price.as_of),
        "known_from": price.standing.value,
    }
