"""Jobs on SageMaker from the command line: what goes where, how it ends, what is refused before anything is sent."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest
import yaml

from tests.services import somebody
from tests.services.churn import FIELDS
from tests.services.tuning_service import REGION, TuningService
from tests.unit.amt.requests import CONFIG, GONE, changed, full
from tests.unit.cli.conftest import CommandLine


class AwsCommandLine(CommandLine):
    """Knows where the service is, and a spec: ``aws.yaml``."""

    def __init__(self, folder, service):
        super().__init__(folder)
        self.service = service
        self.where = ("--endpoint-url", service.url)
        self.spec = str(folder / "aws.yaml")
        self.write()

    def write(self, **changes):
        """Write the spec, with some of its blocks replaced."""
        (self.folder / "aws.yaml").write_text(yaml.safe_dump({**FIELDS, **changes}))

    def on_aws(self, command, *arguments, **changes):
        """Run a command that takes a spec."""
        self.write(**changes)
        return self.read(command, self.spec, "--backend", "amt", *self.where, *arguments)


@pytest.fixture
def aws(tmp_path, monkeypatch):
    for name in os.environ.keys() - somebody.without_others(os.environ).keys():
        monkeypatch.delenv(name)
    for name, value in somebody.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with TuningService() as service:
        service.steps = 5  # so far does a job get from one question to the next that nobody has to wait
        line = AwsCommandLine(tmp_path, service)
        yield line
        line.close()


def lines_until(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


def test_the_result_goes_to_stdout_and_the_progress_to_stderr(aws):
    status, out, err = aws.on_aws("run")

    assert status == 0
    assert out.splitlines()[0].startswith("churn Completed: 3 of 3 trials in ")
    assert re.search(r"^  best     trial 2   validation:auc 0.52   eta 0.108$", out, re.MULTILINE)
    header, *trials = err.splitlines()
    assert header == "churn · amt · random · Maximize validation:auc · 3 trials, 2 at a time · seed 7"
    assert [line.split("  ")[1] for line in trials] == ["trial 0", "trial 1", "trial 2"]


def test_json_has_the_keys_that_it_has_everywhere(aws, finished):
    status, out, _ = aws.on_aws("run", "-o", "json")
    result = json.loads(out)
    elsewhere = json.loads(finished.read("show", "churn", "-o", "json")[1])

    assert status == 0
    assert (result["name"], result["backend"], result["status"], result["seed"]) == ("churn", "amt", "Completed", 7)
    assert result.keys() == elsewhere.keys()
    assert result["trials"][0].keys() - elsewhere["trials"][0].keys() == {"training_job", "model", "billable_seconds"}
    assert elsewhere["trials"][0].keys() < result["trials"][0].keys()
    assert json.loads(aws.read("show", "churn", "-o", "json")[1]) == result
    assert json.loads(aws.read("watch", "churn", "-o", "json")[1]) == result
    assert json.loads(aws.read("best", "CHURN", "-o", "json")[1]) == result["best"]


def test_submitting_returns_at_once_and_may_be_repeated(aws):
    aws.service.holding = True
    status, out, err = aws.on_aws("submit")

    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"churn is submitted to amt in {REGION}"
    assert "smtune watch churn" in out
    assert aws.service.calls == ["CreateHyperParameterTuningJob"]
    status, out, _ = aws.on_aws("submit", "-o", "json")
    there = {"name": "churn", "backend": "amt", "region": REGION, "is_new": False}
    assert (status, json.loads(out)) == (0, there)
    _, out, _ = aws.on_aws("submit")
    assert out.splitlines()[0] == f"churn is InProgress in amt in {REGION} already; it was not submitted again"
    assert len(aws.service.requests) == 1
    assert re.search(r"^churn +amt +InProgress +0/3 ", aws.read("list")[1], re.MULTILINE)


def test_a_submitted_job_is_watched_to_its_end(aws):
    aws.on_aws("submit")
    status, out, _ = aws.read("watch", "Churn")

    assert status == 0
    assert out.startswith("churn Completed: 3 of 3 trials")
    assert re.search(r"^churn +amt +Completed +3/3 +0 +0.52 ", aws.read("list")[1], re.MULTILINE)


def test_a_job_that_has_ended_is_not_said_to_be_submitted(aws):
    aws.on_aws("run")
    status, out, err = aws.on_aws("submit")
    assert (status, out) == (1, "")
    assert "churn is there already: Completed; take another name: smtune submit" in err
    assert "--name churn-2" in err

    status, out, err = aws.on_aws("run")
    assert status == 0
    assert out.startswith("churn Completed: 3 of 3 trials")
    assert "churn was there already: Completed; it was not submitted again" in err
    assert len(aws.service.requests) == 1


def test_another_job_of_the_name_is_answered_with_a_free_name(aws):
    aws.on_aws("submit")
    status, out, err = aws.on_aws("run", seed=8)

    assert (status, out) == (1, "")
    assert f'there is another tuning job "churn" of this account in {REGION}' in err
    assert "--name churn-2" in err


def test_a_failed_job_shows_the_log_of_its_most_frequent_failure(aws):
    aws.service.failures = {0: "ClientError: no such image"}
    aws.service.failures |= dict.fromkeys(range(1, 5), "AlgorithmError: no column y, exit code: 1")
    aws.service.prints = lambda number, _tuned: [f"line {line} of {number}" for line in range(20)]
    status, out, err = aws.on_aws("run", limits={"max_trials": 9, "max_trial_seconds": 600})

    assert status == 1
    assert out.splitlines()[0].startswith("churn Failed: 0 of 9 trials in ")
    assert "  failed   4 x AlgorithmError: no column y, exit code: 1   (trials 1, 2, 3, 4)" in out
    tail = err.partition("the log of trial 1 ends with:\n")[2].splitlines()
    assert tail == [f"  line {line} of 1" for line in range(5, 20)]


def test_what_a_trial_printed_is_shown(aws):
    aws.service.prints = lambda number, _tuned: ["auc: 0.5", f"that was {number}"]
    aws.on_aws("run")

    assert aws.read("logs", "churn", "1") == (0, "auc: 0.5\nthat was 1\n", "")
    status, out, err = aws.read("logs", "churn", "7")
    assert (status, out) == (1, "")
    assert "job churn has no trial 7; see `smtune show churn`" in err


def test_the_best_model_is_brought_home(aws):
    aws.on_aws("run")
    (best,) = (one for one in json.loads(aws.read("show", "churn", "-o", "json")[1])["trials"] if one["number"] == 2)
    s3 = aws.service.client("s3")
    s3.create_bucket(Bucket="ours", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="ours", Key=best["model"].removeprefix("s3://ours/"), Body=b"model")
    status, _, _ = aws.read("best", "churn", "--download", str(aws.folder / "model"))

    assert status == 0
    assert (aws.folder / "model" / "model.tar.gz").read_bytes() == b"model"


def test_a_job_is_stopped_once(aws):
    aws.service.holding = True
    aws.on_aws("submit")
    status, out, _ = aws.read("stop", "CHURN")

    assert (status, out) == (0, "churn: no new trials; the running ones are asked to stop · see: smtune show churn\n")
    assert aws.read("watch", "churn")[0] == 1
    assert aws.read("stop", "churn") == (0, "churn is Stopped already\n", "")


def test_a_job_of_another_tool_is_attached_to_and_then_known(aws):
    request = changed(
        full(),
        ("HyperParameterTuningJobName", "Theirs"),
        ("WarmStartConfig", GONE),
        (CONFIG, "ResourceLimits", {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3}),
    )
    aws.service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    status, _, err = aws.read("show", "theirs")
    assert status == 1
    assert "smtune attach NAME makes a tuning job of SageMaker known here" in err

    status, out, _ = aws.read("attach", "theirs", *aws.where)
    assert status == 0
    assert out.startswith("Theirs Completed: 3 of 3 trials")
    assert aws.read("show", "theirs")[0] == 0
    status, _, err = aws.read("attach", "nobodys", *aws.where)
    assert status == 1
    assert f'there is no tuning job "nobodys" of this account in {REGION}' in err


def test_two_jobs_of_a_name_are_told_apart(aws):
    assert aws("run", "tuning.yaml")[0] == 0
    aws.on_aws("run")

    status, out, err = aws.read("show", "churn")
    assert (status, out) == (1, "")
    assert 'there are several jobs "churn": local, amt; say which with --backend' in err
    for backend in ("local", "amt"):
        status, out, _ = aws.read("show", "churn", "--backend", backend, "-o", "json")
        assert (status, json.loads(out)["backend"]) == (0, backend)
    assert len(re.findall("^churn ", aws.read("list")[1], re.MULTILINE)) == 2


@pytest.mark.parametrize("command", ["run", "watch"])
def test_ctrl_c_leaves_the_job_alone_and_says_how_to_go_on(aws, command):
    aws.service.holding = True
    if command == "watch":
        aws.on_aws("submit")
        process = aws.start("watch", "churn")
    else:
        process = aws.start("run", aws.spec, "--backend", "amt", *aws.where)
    lines_until(process, "seed 7")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "^C churn goes on: smtune watch churn · smtune stop churn" in err
    assert "Traceback" not in err
    assert "StopHyperParameterTuningJob" not in aws.service.calls
    assert aws.read("stop", "churn")[1].startswith("churn: no new trials")


@pytest.mark.parametrize("command", ["run", "plan"])
def test_options_of_aws_are_refused_where_aws_is_not_asked(aws, command):
    options = ("--profile", "research", "--region", REGION, "--endpoint-url", "http://ann:hunter2@localhost:1")
    status, out, err = aws.read(command, str(aws.folder / "tuning.yaml"), *options)

    assert (status, out) == (2, "")
    for option in options[::2]:
        assert f"  {option} " in err
    assert "is for backends that speak to AWS, and local does not" in err
    assert "hunter2" not in err


def test_a_local_job_is_not_submitted(aws):
    status, out, err = aws.read("submit", str(aws.folder / "tuning.yaml"), "--backend", "local")

    assert (status, out) == (2, "")
    assert "needs the process that runs it: use `smtune run" in err


CATEGORIES = {
    "kind": {"type": "categorical", "values": ["a", "b"]},
    "size": {"type": "categorical", "values": ["s", "m", "l"]},
}
CLOUD = FIELDS["sagemaker"]
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a name of 33 characters": ({"name": "a" * 33}, rf"name = {'a' * 33} +must be 1 to 32 letters, .* use {'a' * 32}$"),
    "31 ranges": (
        {"parameters": {f"p{number}": FIELDS["parameters"]["eta"] for number in range(31)}},
        "parameters = .* must have at most 30 entries +it has 31",
    ),
    "31 categories": (
        {"parameters": {"kind": {"type": "categorical", "values": [f"c{number}" for number in range(31)]}}},
        r"parameters\.kind\.values = .* must have at most 30 entries +it has 31",
    ),
    "101 hyperparameters": (
        {"static": {f"s{number}": number for number in range(99)}},
        "static = .* must leave at most 100 hyperparameters .* there are 101",
    ),
    "a value of 2,501 characters": (
        {"static": {"text": "x" * 2501}},
        r"static\.text = x+\.\.\. +must have at most 2500 characters +it has 2501",
    ),
    "a hyperparameter that is no text": (
        {"sagemaker": {**CLOUD, "definition": {"StaticHyperParameters": {"rounds": 200}}}},
        r'static\.rounds = 200 +must be text +write it as text: "200"',
    ),
    "min above max": (
        {"parameters": {"eta": {"type": "continuous", "min": 0.5, "max": 0.01}}},
        r"parameters\.eta\.min = 0\.5 +must not be above max = 0\.01 +swap the two bounds",
    ),
    "logarithms from 0": (
        {"parameters": {"eta": {"type": "continuous", "min": 0, "max": 0.5, "scaling": "Logarithmic"}}},
        r"parameters\.eta\.min = 0\.0 +Logarithmic scaling needs min > 0 +use 1e-4, or scaling: Linear",
    ),
    "a grid of numbers": (
        {"strategy": {"type": "grid", "levels": 3}},
        r"parameters\.eta = .* Grid takes categorical ranges only +list its values",
    ),
    "Hyperband with early stopping": (
        {"strategy": {"type": "hyperband", "resource": {"epochs": "1 to 9"}}, "early_stopping": "Auto"},
        "early_stopping = .* cannot be combined with hyperband, .* leave it out, or use Off",
    ),
    "fewer jobs than the grid has": (
        {"strategy": "grid", "parameters": CATEGORIES, "limits": {"max_trials": 5}},
        r"limits\.max_trials = 5 +is less than the 6 trials of this grid .* set limits\.max_trials: 6",
    ),
    "a grid of more numbers than jobs": (
        {"strategy": {"type": "grid", "levels": 5}, "limits": {"max_trials": 3}},
        r"limits\.max_trials = 3 .* on SageMaker a grid has categorical parameters only: list the values of eta; elsewhere set limits\.max_trials",
    ),
    "a warm start from itself": (
        {"strategy": "bayesian", "warm_start": ["amt:CHURN"]},
        r"warm_start\.parents\[0\] = CHURN +must be another job: names are not case sensitive +take it out",
    ),
    "several definitions with a warm start": (
        {
            "strategy": "bayesian",
            "warm_start": ["amt:old"],
            "definitions": {"other": {"parameters": {"gamma": {"type": "continuous", "min": 0, "max": 1}}}},
        },
        "warm_start +must not stand beside definitions +take it out, or use no definitions",
    ),
    "an unknown region": (
        {"sagemaker": {**CLOUD, "region": "eu-west-9"}},
        r"sagemaker\.region = eu-west-9 +is no AWS region +did you mean 'eu-west-3'\?",
    ),
    "no role": (
        {"sagemaker": {**CLOUD, "role": None}},
        r"sagemaker\.role +is missing, and SageMaker's config files name none +write the ARN",
    ),
    "a role that is none": (
        {"sagemaker": {**CLOUD, "role": "SageMaker"}},
        r"sagemaker\.role = SageMaker .* e\.g\. arn:aws:iam::",
    ),
    "no instance type": ({"sagemaker": {**CLOUD, "instance_type": None}}, r"sagemaker\.instance_type +is missing"),
    "101 at a time": (
        {"limits": {"max_trials": 200, "max_parallel": 101}},
        r"limits\.max_parallel = 101 +must be at most 100",
    ),
    "a strategy of smtune's own": ({"strategy": "evolutionary"}, "strategy = evolutionary .* bayesian"),
}


@pytest.mark.parametrize("command", ["plan", "submit"])
@pytest.mark.parametrize(("changes", "told"), BAD.values(), ids=BAD)
def test_bad_input_is_told_before_anything_is_sent(aws, command, changes, told):
    status, out, err = aws.on_aws(command, **changes)

    assert (status, out) == (2, "")
    head, *rows = err.splitlines()
    assert head == f"{aws.spec}: 1 problem"
    assert re.search(rf"^  {told}", rows[0])
    assert aws.service.calls == aws.service.uploads == []
    assert not (aws.folder / "home").exists()


def test_all_problems_are_told_at_once(aws):
    cloud = {**CLOUD, "role": None, "region": "eu-west-9"}
    status, _, err = aws.on_aws("run", static={"text": "x" * 2501}, sagemaker=cloud)

    assert status == 2
    assert err.startswith(f"{aws.spec}: 3 problems")
    assert aws.service.calls == []


def test_without_credentials_nothing_is_sent(aws):
    (aws.folder / "aws-credentials").unlink()
    status, out, err = aws.on_aws("run")

    assert (status, out) == (1, "")
    assert "churn: there are no AWS credentials; sign in" in err
    assert aws.service.calls == []


def test_an_unknown_profile_is_told_before_anything_is_sent(aws):
    status, out, err = aws.on_aws("run", "--profile", "reserch")

    assert (status, out) == (2, "")
    assert "profile = reserch  is no profile of AWS's configuration files" in err
    assert aws.service.calls == []


def test_a_password_in_an_address_is_in_no_error(aws):
    aws.where = ("--endpoint-url", "http://ann:hunter2@127.0.0.1:1")
    status, out, err = aws.on_aws("run")

    assert (status, out) == (1, "")
    assert "SageMaker cannot be reached" in err
    assert "hunter2" not in err


def price(instance_type, usd):
    """Return an entry of AWS's price list."""
    attributes = {"regionCode": REGION, "usagetype": f"EU-Train:{instance_type}"}
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}}
    terms = {"OnDemand": {"term": {"priceDimensions": {"dimension": dimension}}}}
    return json.dumps({"product": {"attributes": attributes}, "terms": terms})


def test_prices_say_where_they_are_known_from(aws):
    status, out, err = aws.read("prices", "ml.m5.xlarge", "--region", "eu-north-1")
    assert (status, err) == (0, "")
    header, row = out.splitlines()
    assert header.split("  ")[0] == "type"
    assert row.startswith("ml.m5.xlarge  us-east-1 ")  # there is no other price, and it says so

    rows = json.loads(aws.read("prices", "-o", "json")[1])
    assert {row["region"] for row in rows} == {REGION}
    assert rows[0].keys() == {"item", "region", "usd", "unit", "as_of", "known_from"}
    assert [row["unit"] for row in rows if row["item"] == "storage"] == ["GB-month"]


def test_prices_are_asked_of_aws_and_kept(aws):
    aws.service.price_list = [price("ml.m5.xlarge", "0.5"), price("ml.z9.xlarge", "1.25")]
    status, out, err = aws.read("prices", "ml.z9.xlarge", "--refresh", *aws.where)

    assert status == 0
    assert err.startswith("prices of 2 instance types but none of ML storage in eu-west-1 as of ")
    assert re.search(r"^ml\.z9\.xlarge +eu-west-1 +1\.25 +\d{4}-\d\d-\d\d +AWS price list$", out, re.MULTILINE)
    assert (aws.folder / "home" / "prices.json").exists()
    assert aws.read("prices", "ml.z9.xlarge")[1] == out
    assert json.loads(aws.on_aws("plan", "-o", "json")[1])["estimate"]["usd"]["worst"] > 3 * 0.5 / 6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ml.m5.xlarg"], r"TYPE = ml\.m5\.xlarg +has no price that is known here +did you mean 'ml\.m5\.xlarge'\?"),
        (["--region", "eu-west-9"], r"--region = eu-west-9 +is no AWS region +did you mean 'eu-west-[1-3]'\?"),
        (["--region", "mars"], "--region = mars +is no AWS region +write e.g. eu-west-1"),
        (["ml.m5.xlarge", "--region", "mars"], "--region = mars +is no AWS region"),
        (["--region", "af-south-1"], r"--region = af-south-1 +has no price that is known here +ask AWS: smtune prices"),
        (["--refresh", "--region", "eu-west-9"], "region = eu-west-9 +is no AWS region"),
        (["--refresh"], f"region = {REGION} +has no price of training in AWS's price list +check .* try again"),
    ],
)
def test_prices_that_are_not_known_are_asked_for(aws, arguments, told):
    status, out, err = aws.read("prices", *arguments, *aws.where)

    assert (status, out) == (2, "")
    assert re.search(told, err)


def test_prices_that_cannot_be_read_are_counted(aws):
    aws.service.price_list = ["<html>", "{}"]
    status, _, err = aws.read("prices", "--refresh", *aws.where)

    assert status == 2
    assert "has no price of training in AWS's price list (2 entries could not be read)" in err


def test_prices_need_a_region_and_credentials(aws, monkeypatch):
    (aws.folder / "aws-credentials").unlink()
    status, _, err = aws.read("prices", "--refresh", *aws.where)
    assert status == 1
    assert "the prices: there are no AWS credentials; sign in" in err

    monkeypatch.delenv("AWS_DEFAULT_REGION")
    status, _, err = aws.read("prices")
    assert status == 2
    assert "--region  is missing, and no AWS region is configured" in err


def record_of(aws, name="churn"):
    return aws.folder / "home" / "remote" / "amt" / f"{name}.json"


@pytest.mark.parametrize("seen", [{"a": 1}, {}, [1], None, {"name": "churn", "counts": 3}])
def test_what_was_last_seen_may_be_odd(aws, seen):
    aws.on_aws("submit")
    file = record_of(aws)
    file.write_text(json.dumps({**json.loads(file.read_text()), "seen": seen}))

    status, out, err = aws.read("list")
    assert (status, err) == (0, "")
    assert re.search(r"^churn +amt +unconfirmed +0 ", out, re.MULTILINE)
    assert json.loads(aws.read("list", "-o", "json")[1])[0]["name"] == "churn"
    assert aws.read("show", "churn")[0] == 0
    assert re.search(r"^churn +amt +Completed +3/3 ", aws.read("list")[1], re.MULTILINE)


def test_what_a_later_version_writes_besides_is_passed_over(aws):
    aws.on_aws("submit")
    file = record_of(aws)
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "colour": "green", "spec": {**kept["spec"], "colour": "green"}}))

    assert re.search(r"^churn +amt +InProgress ", aws.read("list")[1], re.MULTILINE)
    assert aws.read("show", "churn")[0] == 0


@pytest.mark.parametrize("text", ['{"name": "chu', "[]", '{"name": 3, "backend": "amt"}', '{"name": "churn"}'])
def test_a_damaged_record_is_named_and_can_be_replaced(aws, text):
    aws.on_aws("submit")
    record_of(aws).write_text(text)

    status, out, err = aws.read("list")
    assert (status, out) == (0, "")
    assert f"{record_of(aws)}: is damaged" in err
    status, _, err = aws.read("show", "CHURN")
    assert status == 1
    assert f"{record_of(aws)}: is damaged" in err
    assert aws.read("forget", "churn")[0] == 0
    assert aws.read("attach", "churn", *aws.where)[0] == 0
    assert re.search(r"^churn +amt +Completed ", aws.read("list")[1], re.MULTILINE)


def test_a_job_is_forgotten_here_and_stays_there(aws):
    aws.on_aws("run")
    status, out, _ = aws.read("forget", "Churn")

    assert (status, out.partition(";")[0]) == (0, "Churn is forgotten here")
    assert list(record_of(aws).parent.iterdir()) == []
    status, _, err = aws.read("forget", "churn")
    assert (status, err) == (1, 'smtune: no job "churn" on AWS is known here; see `smtune list`\n')
    assert aws.read("attach", "churn", *aws.where)[0] == 0


def test_a_job_that_was_never_created_says_so(aws):
    aws.on_aws("submit")
    file = record_of(aws)
    left = json.loads(file.read_text())
    file.write_text(json.dumps({**left, "name": "gone", "seen": {}}))  # as a process that was killed leaves it
    file.rename(record_of(aws, "gone"))

    status, _, err = aws.read("show", "gone")
    assert status == 1
    assert "gone was never created on SageMaker; submit it again" in err
    assert re.search(r"^gone +amt +unconfirmed ", aws.read("list")[1], re.MULTILINE)


def put_best_model(aws):
    (best,) = (one for one in json.loads(aws.read("show", "churn", "-o", "json")[1])["trials"] if one["number"] == 2)
    s3 = aws.service.client("s3")
    s3.create_bucket(Bucket="ours", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="ours", Key=best["model"].removeprefix("s3://ours/"), Body=b"model")


def test_the_best_is_shown_where_s3_has_no_model(aws):
    aws.on_aws("run")
    status, out, err = aws.read("best", "churn", "--download", str(aws.folder / "model"))

    assert status == 1
    assert "0.52" in out
    assert re.search(r"^smtune: the download of s3://ours/models/.*: S3 has no such object; ", err)
    assert json.loads(aws.read("best", "churn", "-o", "json", "--download", str(aws.folder))[1])["number"] == 2


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_model_replaces_nothing(aws, there):
    aws.on_aws("run")
    put_best_model(aws)
    target = aws.folder / "model" / "model.tar.gz"
    target.parent.mkdir()
    if there == "file":
        target.write_bytes(b"mine")
    else:
        target.mkdir()
    status, out, err = aws.read("best", "churn", "--download", str(target.parent))

    assert status == 2
    assert "0.52" in out
    assert f"  model = model.tar.gz  is in {target.parent} already" in err
    assert target.is_dir() or target.read_bytes() == b"mine"


def test_a_model_needs_a_folder(aws):
    aws.on_aws("run")
    put_best_model(aws)
    status, _, err = aws.read("best", "churn", "--download", aws.spec)

    assert status == 2
    assert "cannot be written: File exists  name a folder" in err


def test_a_model_that_may_not_be_asked_for_names_the_permission(aws):
    aws.service.denied.add("DescribeTrainingJob")
    aws.on_aws("run")
    status, out, err = aws.read("best", "churn", "--download", str(aws.folder / "model"))

    assert status == 1
    assert "0.52" in out
    assert "allow sagemaker:DescribeTrainingJob" in err


def test_trials_that_report_no_objective_are_no_success(aws):
    aws.service.values = lambda _number: None
    status, out, err = aws.on_aws("run")
    told = "smtune: no trial of churn has a result: its trials reported no validation:auc\n"

    assert status == 1
    assert out.startswith("churn Completed: 3 of 3 trials")
    assert err.endswith(told)
    assert aws.read("best", "churn") == (1, "", told)


def test_a_log_without_lines_says_so(aws):
    aws.on_aws("run")
    status, out, err = aws.read("logs", "churn", "1")

    assert (status, out) == (0, "")
    assert err == "CloudWatch has no lines of trial 1 of churn (yet); see: smtune show churn\n"


def test_a_job_on_sagemaker_is_not_resumed(aws):
    aws.on_aws("submit")
    aws.read("stop", "churn")
    status, out, err = aws.read("resume", "CHURN")

    told = "churn is on SageMaker, which cannot go on with a stopped job; start a new one that builds on it"
    assert (status, out, err) == (1, "", f"smtune: {told}: warm_start: [churn]\n")


def test_jobs_on_sagemaker_are_among_those_that_may_be_meant(aws):
    assert "there are none yet" in aws.read("show", "chrun")[2]
    aws.on_aws("submit")
    assert "did you mean churn?" in aws.read("show", "chrun")[2]
    assert "see `smtune list`" in aws.read("resume", "other")[2]


def test_what_to_do_next_says_which_of_two_jobs_is_meant(aws):
    aws.service.holding = True
    assert "smtune watch churn ·" in aws.on_aws("submit")[1]
    assert aws("run", "tuning.yaml")[0] == 0

    for _, out, _ in (aws.on_aws("submit"), aws.read("show", "churn", "--backend", "amt")):
        (line,) = (line for line in out.splitlines() if line.startswith("  next "))
        commands = line.removeprefix("  next     ").split(" · ")
        assert [" --backend amt" in command for command in commands] == [True] * len(commands)
    assert "smtune best churn --backend local --output json" in aws.read("show", "churn", "--backend", "local")[1]


def test_attaching_says_once_what_to_do_next(aws):
    aws.service.holding = True
    aws.on_aws("submit")
    assert len(re.findall("^  next ", aws.read("attach", "churn")[1], re.MULTILINE)) == 1


def test_stopping_is_told_to_scripts(aws):
    aws.service.holding = True
    aws.on_aws("submit")
    status, out, _ = aws.read("stop", "churn", "-o", "json")
    assert (status, json.loads(out).keys()) == (0, {"name", "backend", "status"})
    aws.read("watch", "churn")
    status, out, _ = aws.read("stop", "churn", "-o", "json")
    assert (status, json.loads(out)) == (0, {"name": "churn", "backend": "amt", "status": "Stopped"})


def test_the_cost_says_that_its_prices_are_borrowed(aws):
    far = {**FIELDS["sagemaker"], "region": "eu-north-1"}
    _, near, _ = aws.on_aws("plan")
    _, out, _ = aws.on_aws("plan", sagemaker=far)

    assert re.search(r"^  cost: .* at most$", near, re.MULTILINE)
    assert re.search(r"^  cost: .* at most by prices borrowed from us-east-1: those in eu-north-1 ", out, re.MULTILINE)


def test_a_plan_tells_how_much_is_uploaded(aws):
    (aws.folder / "rows.csv").write_bytes(b"1,2\n" * 250_000)
    channels = {"train": str(aws.folder / "rows.csv")}
    _, out, _ = aws.on_aws("plan", training={**FIELDS["training"], "channels": channels})

    assert f"upload: train {aws.folder / 'rows.csv'} (1 file, 1 MB) to s3://" in out
