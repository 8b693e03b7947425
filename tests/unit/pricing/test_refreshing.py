"""Prices from AWS's Price List Query API, answered in the form that it has."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from smtune.errors import SpecError
from smtune.pricing import STORAGE, Price, PriceBook, Refreshed, Standing, refresh

REGION = "eu-central-1"
TODAY = date(2026, 11, 21)


def entry(usd: str, unit: str = "Hrs", description: str = "", terms: str = "OnDemand", **attributes: str) -> str:
    """Return an entry of ``PriceList``: JSON text, with the wrapping that all products have."""
    dimension = {"unit": unit, "description": description, "pricePerUnit": {"USD": usd}, "beginRange": "0"}
    known = {"regionCode": REGION, "locationType": "AWS Region", "servicecode": "AmazonSageMaker"}
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "attributes": known | attributes, "sku": "JMCWJEAPVJNFJ5P4"},
            "serviceCode": "AmazonSageMaker",
            "terms": {terms: {"SKU.JRTCKXETXF": {"priceDimensions": {"SKU.JRTCKXETXF.6YS6EN2CT7": dimension}}}},
            "version": "20261120180000",
            "publicationDate": "2026-11-20T18:00:00Z",
        }
    )


def training(instance_type: str, usd: str, **attributes: str) -> str:
    return entry(usd, usagetype=f"EUC1-Train:{instance_type}", **attributes)


@cache
def pricing_client() -> Any:
    return boto3.client("pricing", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")


def answered(home: Path, *pages: list[str], region: str = REGION) -> Refreshed:
    """Refresh from pages that AWS would answer with; the client checks them against its model of the service."""
    client = pricing_client()
    asked: dict[str, Any] = {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}],
        "FormatVersion": "aws_v1",
    }
    with Stubber(client) as stub:
        for number, page in enumerate(pages):
            following = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
            previous = {"NextToken": str(number)} if number else {}
            stub.add_response(
                "get_products", {"FormatVersion": "aws_v1", "PriceList": page, **following}, asked | previous
            )
        found = refresh(client, region, home, today=TODAY)
        stub.assert_no_pending_responses()
    return found


def usd_in(home: Path) -> dict[str, float]:
    return {item: price.usd for (_, item), price in PriceBook.load(home).refreshed.items()}


def test_training_and_its_storage_are_read_from_all_pages(tmp_path):
    stored = "$0.1670 per GB-Mo of Training Job ML storage"
    found = answered(
        tmp_path / "new",
        [training("ml.m5.xlarge", "0.2760000000", component="Training"), training("ml.p6-b200.48xlarge", "100.5")],
        [entry("0.1670000000", "GB-Mo", stored, usagetype="EUC1-Train:VolumeUsage.gp2")],
        [],
    )
    assert found == Refreshed(tmp_path / "new" / "prices.json", REGION, TODAY, 2, storage=True, unreadable=0)
    assert str(found) == "prices of 2 instance types and of ML storage in eu-central-1 as of 2026-11-21"
    book = PriceBook.load(tmp_path / "new")
    assert book.price("ml.m5.xlarge", REGION) == Price("ml.m5.xlarge", REGION, 0.276, Standing.listed, TODAY)
    assert book.price("ml.p6-b200.48xlarge", REGION) is not None
    assert book.price(STORAGE, REGION) == Price(STORAGE, REGION, 0.167, Standing.listed, TODAY)


def test_other_uses_of_an_instance_have_other_prices(tmp_path):
    wanted = training("ml.m5.xlarge", "0.276")
    others = [
        entry("9", usagetype="EUC1-Host:ml.m5.xlarge", component="Hosting"),
        entry("9", usagetype="EUC1-TrSpt:ml.m5.xlarge", component="SpotTraining"),
        entry("9", usagetype="EUC1-TrainWarmPool:ml.m5.xlarge", component="Training Warm Pool"),
        entry("9", usagetype="EUC1-Train:ml.m5.xlarge.extra", component="Training"),
        entry(
            "9", "GB-Mo", "$9 per GB-Mo of Training Warm Pool Job ML storage", usagetype="EUC1-TrainWP:VolumeUsage.gp2"
        ),
        entry("9", "GB-Mo", "$9 per GB-Mo of Endpoint ML storage", usagetype="EUC1-Host:VolumeUsage.gp2"),
        entry("9", "Requests", usagetype="EUC1-Train:ml.m5.xlarge"),
        training("ml.m5.xlarge", "9", regionCode="us-east-1"),
        training("ml.m5.xlarge", "9", locationType="AWS Outposts"),
        entry("9", terms="Reserved", usagetype="EUC1-Train:ml.m5.xlarge"),
        training("ml.m5.xlarge", "0.0000000000"),
        training("ml.c5.xlarge", "inf"),
    ]
    found = answered(tmp_path, [*others, wanted, *others])
    assert (found.instances, found.storage, found.unreadable) == (1, False, 0)
    assert usd_in(tmp_path) == {"ml.m5.xlarge": 0.276}
    assert "but none of ML storage" in str(found)


def test_an_entry_without_a_usage_type_is_told_by_its_component(tmp_path):
    page = [
        entry("1", component="Training", instanceName="ml.m5.large"),
        entry("2", platoinstancetype="Training", instanceType="ml.m5.2xlarge-Training"),
        entry("9", component="Hosting", instanceName="ml.m5.4xlarge"),
        entry("9", component="Training", instanceType="NA"),
        entry("9", component="Training", instanceName="ml.c5.xlarge"),
        training("ml.c5.xlarge", "4"),
    ]
    answered(tmp_path, page)
    assert usd_in(tmp_path) == {"ml.m5.large": 1.0, "ml.m5.2xlarge": 2.0, "ml.c5.xlarge": 4.0}


def test_of_two_prices_the_dearer_counts(tmp_path):
    answered(tmp_path, [training("ml.m5.xlarge", usd) for usd in ("0.2", "0.3", "0.1")])
    assert usd_in(tmp_path) == {"ml.m5.xlarge": 0.3}


def test_storage_is_known_by_its_description_too(tmp_path):
    text = "$0.154 per GB-Mo of Training Job ML storage"
    answered(tmp_path, [training("ml.m5.xlarge", "0.2"), entry("0.154", "GB-Mo", text, usagetype="EU-New:Name")])
    assert usd_in(tmp_path)[STORAGE] == 0.154


def test_odd_entries_are_counted_and_passed_over(tmp_path):
    odd = [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        '{"product": {}}',
        '{"product": {"attributes": {"usagetype": "EUC1-Train:ml.m5.xlarge"}}}',
        '{"product": {"attributes": {}}, "terms": {"OnDemand": []}}',
        entry("a lot", usagetype="EUC1-Train:ml.m5.xlarge"),
    ]
    yen = entry("1", usagetype="EUC1-Train:ml.m5.large").replace('"USD"', '"JPY"')
    found = answered(tmp_path, [*odd, yen, training("ml.m5.xlarge", "0.276")])
    assert found.unreadable == len(odd)
    assert usd_in(tmp_path) == {"ml.m5.xlarge": 0.276}
    assert str(found).endswith("; 9 entries could not be read")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
TYPED = {"usagetype": "EUC1-Train:ml.m5.large"}


def product(attributes: object, terms: object) -> dict[str, object]:
    return {"product": {"attributes": attributes}, "terms": terms}


@given(
    st.lists(
        JSON
        | st.builds(product, JSON, JSON)
        | st.builds(lambda terms: product(TYPED, {"OnDemand": {"a": {"priceDimensions": {"b": terms}}}}), JSON)
        | st.builds(
            lambda usd: product(
                TYPED, {"OnDemand": {"a": {"priceDimensions": {"b": {"unit": "Hrs", "pricePerUnit": {"USD": usd}}}}}}
            ),
            JSON.filter(lambda usd: isinstance(usd, dict | list | None) or usd == 10**400),
        ),
        max_size=5,
    )
)
@settings(max_examples=50)
def test_no_entry_whatsoever_spoils_the_others(odd):
    with TemporaryDirectory() as directory:
        home = Path(directory)
        answered(home, [*map(json.dumps, odd), training("ml.m5.xlarge", "0.276"), *map(json.dumps, odd)])
        assert usd_in(home) == {"ml.m5.xlarge": 0.276}


def test_other_regions_stay_and_the_region_is_replaced(tmp_path):
    answered(tmp_path, [training("ml.m5.xlarge", "0.3"), training("ml.gone.xlarge", "1")])
    answered(tmp_path, [training("ml.m5.xlarge", "0.2", regionCode="eu-west-3")], region="eu-west-3")
    answered(tmp_path, [training("ml.m5.xlarge", "0.4")])
    refreshed = PriceBook.load(tmp_path).refreshed
    assert {key: price.usd for key, price in refreshed.items()} == {
        (REGION, "ml.m5.xlarge"): 0.4,
        ("eu-west-3", "ml.m5.xlarge"): 0.2,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["prices.json"]


def test_a_broken_file_is_repaired(tmp_path):
    (tmp_path / "prices.json").write_text("{")
    answered(tmp_path, [training("ml.m5.xlarge", "0.3")])
    assert usd_in(tmp_path) == {"ml.m5.xlarge": 0.3}


def test_a_region_without_training_leaves_the_file_alone(tmp_path):
    answered(tmp_path, [training("ml.m5.xlarge", "0.3")])
    before = (tmp_path / "prices.json").read_bytes()
    with pytest.raises(SpecError, match=r"region = eu-nowhere-1: has no price of training in AWS's price list"):
        answered(tmp_path, [], region="eu-nowhere-1")
    assert (tmp_path / "prices.json").read_bytes() == before


def test_a_refusal_leaves_the_file_alone(tmp_path):
    answered(tmp_path, [training("ml.m5.xlarge", "0.3")])
    client = pricing_client()
    with Stubber(client) as stub:
        stub.add_client_error("get_products", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            refresh(client, REGION, tmp_path)
    assert usd_in(tmp_path) == {"ml.m5.xlarge": 0.3}


def test_a_file_that_cannot_be_replaced_is_named_and_nothing_is_left_behind(tmp_path):
    (tmp_path / "prices.json").mkdir()
    with pytest.raises(SpecError, match="cannot be written: Is a directory"):
        answered(tmp_path, [training("ml.m5.xlarge", "0.3")])
    assert [path.name for path in tmp_path.iterdir()] == ["prices.json"]
