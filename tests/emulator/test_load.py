"""Many clients at once, with training jobs that run."""

import functools

import boto3
import botocore.session
import pytest
from botocore.config import Config

from smtune.emulator import Rule, Settings, emulate, serving
from tests.emulator.operations import IMAGE, hammer_everything

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

SETTINGS = Settings(slots=2, rules=(Rule(IMAGE, command=("/bin/sh", "-c", "echo loss=0.5")),))
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.mark.parametrize("over_http", [False, True])
def test_no_request_fails_and_no_job_is_lost(over_http):
    if over_http:
        with serving(settings=SETTINGS) as served:
            keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
            place = {"endpoint_url": served.url, "region_name": served.region}
            make = functools.partial(boto3.client, config=ONCE, **place, **keys)
            outcome = hammer_everything(make, served.role, served.bucket, seconds=2.0)
    else:
        with emulate(SETTINGS) as emulator:
            make = functools.partial(boto3.client, config=ONCE)
            outcome = hammer_everything(make, emulator.role, emulator.bucket, seconds=2.0)
    assert outcome.errors == []
    assert outcome.created
