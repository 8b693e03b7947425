"""The price book: a dated table, what AWS was asked, and which of them counts."""

import json
from datetime import date
from pathlib import Path

import pytest

from smtune.errors import SpecError
from smtune.pricing import STORAGE, Price, PriceBook, Standing
from smtune.pricing.prices import encode_refreshed, packaged_prices

NOW = date(2026, 11, 21)


def written(home: Path, regions: object) -> Path:
    (home / "prices.json").write_text(json.dumps({"regions": regions}), encoding="utf-8")
    return home


def test_every_packaged_price_is_positive_dated_and_says_where_it_is_known_from():
    prices = packaged_prices()
    assert len(prices) > 70
    for (region, item), price in prices.items():
        assert (price.region, price.item) == (region, item)
        assert item == STORAGE or item.startswith("ml.")
        assert price.usd > 0
        assert price.as_of is not None
        assert price.as_of <= date(2026, 11, 20)
        assert price.standing not in {Standing.given, Standing.listed}


def test_larger_instances_of_a_family_cost_more():
    book = PriceBook.load()
    for family in ("m5", "c5", "r5", "g4dn", "g5", "p3"):
        sizes = (
            "large",
            "xlarge",
            "2xlarge",
            "4xlarge",
            "8xlarge",
            "9xlarge",
            "16xlarge",
            "18xlarge",
            "24xlarge",
            "48xlarge",
        )
        found = [price.usd for size in sizes if (price := book.price(f"ml.{family}.{size}", "us-east-1"))]
        # Instances with several GPUs are not in this list of sizes, except the largest.
        assert len(found) >= 3
        assert found == sorted(found)


def test_a_price_says_its_date_and_standing():
    book = PriceBook.load()
    assert str(book.price("ml.m5.12xlarge", "us-east-1")) == "$2.765 per hour as of 2026-11-20 (recalled, not verified)"
    assert str(book.price(STORAGE, "eu-west-1")) == "$0.154 per GB-month as of 2023-12-31 (published AWS invoice)"
    assert str(Price("ml.x.y", "us-east-1", 0.5, Standing.given)) == "$0.5 per hour (as the spec says)"


def test_without_a_file_there_are_the_packaged_prices_only(tmp_path):
    assert PriceBook.load(tmp_path) == PriceBook.load() == PriceBook(packaged_prices())


def test_a_refreshed_price_comes_before_a_packaged_one_and_the_region_before_both(tmp_path):
    home = written(tmp_path, {"us-east-1": {"as_of": "2026-11-21", "usd": {"ml.m5.xlarge": 0.2, "ml.new.large": 3}}})
    book = PriceBook.load(home)
    assert book.price("ml.m5.xlarge", "us-east-1") == Price("ml.m5.xlarge", "us-east-1", 0.2, Standing.listed, NOW)
    assert str(book.price("ml.m5.xlarge", "eu-west-1")).startswith("$0.257 ")
    assert book.price("ml.new.large", "eu-west-1") == Price("ml.new.large", "us-east-1", 3.0, Standing.listed, NOW)
    assert "third-party table" in str(book.price("ml.c5.xlarge", "us-east-1"))
    assert book.price("ml.none.large", "us-east-1") is None
    assert (book.refreshed_at("us-east-1"), book.refreshed_at("eu-west-1")) == (NOW, None)


def test_refreshed_prices_are_read_as_they_were_written(tmp_path):
    prices = {
        (region, item): Price(item, region, usd, Standing.listed, NOW)
        for region, item, usd in (
            ("eu-west-1", STORAGE, 0.154),
            ("eu-west-1", "ml.a.b", 0.1),
            ("us-west-2", "ml.a.b", 0.3),
        )
    }
    (tmp_path / "prices.json").write_text(json.dumps(encode_refreshed(prices)))
    assert PriceBook.load(tmp_path).refreshed == prices


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"regions": 3}',
        '{"regions": {"r": {"usd": {}}}}',
        '{"regions": {"r": {"as_of": "soon", "usd": {"ml.a.b": 1}}}}',
        '{"regions": {"r": {"as_of": "2026-11-21", "usd": {"ml.a.b": "1"}}}}',
        '{"regions": {"r": {"as_of": "2026-11-21", "usd": {"ml.a.b": true}}}}',
        '{"regions": {"r": {"as_of": "2026-11-21", "usd": {"ml.a.b": 0}}}}',
        '{"regions": {"r": {"as_of": "2026-11-21", "usd": {"ml.a.b": NaN}}}}',
        f'{{"regions": {{"r": {{"as_of": "2026-11-21", "usd": {{"ml.a.b": 1{"0" * 400}}}}}}}}}',
        "[" * 100_000,
    ],
    ids=range(12),
)
def test_a_broken_file_is_named_with_its_remedy(tmp_path, text):
    (tmp_path / "prices.json").write_text(text)
    with pytest.raises(SpecError, match=r"prices\.json: is no table of prices; delete it, or refresh the prices"):
        PriceBook.load(tmp_path)


def test_bytes_that_are_no_text_are_no_table(tmp_path):
    (tmp_path / "prices.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is no table of prices"):
        PriceBook.load(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "prices.json").mkdir()
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        PriceBook.load(tmp_path)
