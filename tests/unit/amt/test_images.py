import re

import pytest

from smtune.amt.image_registry import ACCOUNTS, TAGS
from smtune.amt.images import built_in_definitions, built_in_metrics, image_uri, is_managed, parse_ecr
from smtune.errors import SpecError
from smtune.spec import Goal


def problem_of(image, region="eu-west-1"):
    with pytest.raises(SpecError) as caught:
        image_uri(image, region)
    (problem,) = caught.value.problems
    return problem


# What `sagemaker.image_uris.retrieve` of the SageMaker SDK 2.257.7 returns.
@pytest.mark.parametrize(
    ("image", "region", "uri"),
    [
        ("xgboost:1.7-1", "us-east-1", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"),
        ("xgboost:1.0-1", "us-west-2", "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3"),
        (
            "sklearn:1.2-1",
            "us-gov-west-1",
            "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        ),
        ("xgboost:1.5-1", "us-iso-east-1", "833128469047.dkr.ecr.us-iso-east-1.c2s.ic.gov/sagemaker-xgboost:1.5-1"),
        (
            "xgboost:1.5-1",
            "us-isob-east-1",
            "281123927165.dkr.ecr.us-isob-east-1.sc2s.sgov.gov/sagemaker-xgboost:1.5-1",
        ),
    ],
)
def test_short_names_become_the_addresses_of_awss_containers(image, region, uri):
    assert image_uri(image, region) == uri


def test_the_tag_names_its_version_too():
    assert image_uri("sklearn:1.2-1-cpu-py3", "eu-west-1") == image_uri("scikit-learn:1.2-1", "eu-west-1")


@pytest.mark.parametrize(
    "uri",
    ["123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/trainer:7", "registry.example.com/trainer@sha256:" + "0" * 64],
)
def test_an_address_stays_as_it_is(uri):
    assert image_uri(uri, "nowhere") == uri
    assert not is_managed(uri)
    assert not built_in_metrics(uri)


def test_every_container_in_the_table_is_recognised_everywhere():
    uris = [image_uri(f"{name}:{version}", region) for name in TAGS for version in TAGS[name] for region in ACCOUNTS]
    assert len(set(uris)) == 17 * 37
    assert all(map(is_managed, uris))


def test_a_copy_of_a_container_in_another_account_is_not_awss():
    assert not is_managed("123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1")
    assert not is_managed("683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1")


@pytest.mark.parametrize(
    ("image", "rule", "fix"),
    [
        ("xgbost:1.7-1", "no container of AWS", "did you mean 'xgboost'?"),
        ("pytorch", "no container of AWS", "there are xgboost, scikit-learn; give the full address"),
        ("xgboost", "names no version", "write e.g. xgboost:3.2-0; there are 0.90-1"),
        ("xgboost:1.7", "no such version", "did you mean '1.7-1'?"),
        ("sklearn:latest", "no such version", "there are 0.20.0, 0.23-1"),
    ],
)
def test_an_unknown_image_is_told_with_what_there_is(image, rule, fix):
    problem = problem_of(image)
    assert (problem.field, problem.value) == ("image", image)
    assert rule in problem.rule
    assert fix in problem.fix


def test_an_unknown_region_is_told_with_what_there_is():
    assert problem_of("xgboost:1.7-1", "eu-wset-1").fix == "did you mean 'eu-west-1'?"
    assert "us-east-1" in problem_of("xgboost:1.7-1", "nowhere").fix
    with pytest.raises(SpecError, match="2 problems"):
        image_uri("nothing:1", "nowhere")


def test_the_metrics_of_xgboost_know_their_direction():
    metrics = built_in_metrics(image_uri("xgboost:3.0-5", "eu-west-1"))
    assert metrics["validation:auc"] is Goal.Maximize
    assert metrics["validation:rmse"] is Goal.Minimize
    assert not built_in_metrics(image_uri("sklearn:1.2-1", "eu-west-1"))


def test_an_address_in_ecr_is_taken_apart():
    assert parse_ecr("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/trainer:7") == (
        "123456789012",
        "eu-west-1",
        "team/trainer",
        "7",
        None,
    )
    assert parse_ecr("docker.io/library/python:3.11") is None


def test_regexes_find_the_metrics_of_xgboost_in_its_log() -> None:
    definitions = built_in_definitions(image_uri("xgboost:3.0-5", "eu-west-1"))
    assert set(definitions) == set(built_in_metrics(image_uri("xgboost:3.0-5", "eu-west-1")))
    line = "[12]#011train-aucpr:0.9#011validation-aucpr:0.75#011validation-auc:1e-07"
    found = {name: match[1] for name, regex in definitions.items() if (match := re.search(regex, line))}
    assert found == {"validation:aucpr": "0.75", "validation:auc": "1e-07"}
    assert not built_in_definitions(image_uri("sklearn:1.2-1", "eu-west-1"))
