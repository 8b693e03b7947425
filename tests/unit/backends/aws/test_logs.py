import time

import pytest
from botocore.exceptions import EndpointConnectionError

from smtune.backends.aws.logs import GROUP, TrainingLog
from smtune.errors import AwsError

JOB = "churn-001-5d0f5aea"
NOW = int(time.time() * 1000) - 60_000  # CloudWatch takes neither old lines nor those of the future


class CloudWatch:
    """What training jobs write, and how often somebody reads it."""

    def __init__(self, client):
        self.client = client
        self.reads = 0
        client.meta.events.register("before-call.cloudwatch-logs.GetLogEvents", self._count)

    def _count(self, **_):
        self.reads += 1

    def write(self, *texts, host="algo-1", job=JOB, at=0):
        stream = f"{job}/{host}-1735689600"
        for make, names in (
            (self.client.create_log_group, {"logGroupName": GROUP}),
            (self.client.create_log_stream, {"logGroupName": GROUP, "logStreamName": stream}),
        ):
            try:
                make(**names)
            except self.client.exceptions.ResourceAlreadyExistsException:
                continue
        events = [{"timestamp": NOW + at + place, "message": text} for place, text in enumerate(texts)]
        self.client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


@pytest.fixture
def cloudwatch(account):
    return CloudWatch(account.client("logs"))


@pytest.fixture
def log(cloudwatch):
    return TrainingLog(cloudwatch.client, JOB)


def texts(lines):
    return [line.text for line in lines]


def test_there_are_no_lines_before_the_group_and_before_the_stream(cloudwatch, log):
    assert log.new_lines() == log.last_lines(5) == []
    cloudwatch.write("other", job=f"{JOB}-2")
    assert log.new_lines() == log.last_lines(5) == []


def test_every_line_comes_once(cloudwatch, log):
    cloudwatch.write("[0]#011train-auc:0.9", "loss=1\n")
    assert texts(log.new_lines()) == ["[0]#011train-auc:0.9", "loss=1"]
    assert log.new_lines() == []
    cloudwatch.write("loss=2", at=10)
    assert texts(log.new_lines()) == ["loss=2"]


def test_long_logs_are_read_page_by_page(cloudwatch, log):
    numbers = [str(number) for number in range(12_000)]
    cloudwatch.write(*numbers[:9000])
    cloudwatch.write(*numbers[9000:], at=9000)
    assert texts(log.new_lines()) == numbers


def test_the_lines_of_several_instances_come_by_time_with_their_host(cloudwatch, log):
    cloudwatch.write("a", "c", host="algo-1")
    cloudwatch.write("b", host="algo-2", at=1)
    cloudwatch.write("d", host="algo-2", at=2)
    assert {(line.host, line.text) for line in log.new_lines()} == {
        ("algo-1", "a"),
        ("algo-1", "c"),
        ("algo-2", "b"),
        ("algo-2", "d"),
    }
    assert log.last_lines(1)[0].text == "d"
    assert [line.time for line in log.last_lines(9)] == sorted(line.time for line in log.last_lines(9))


def test_the_last_lines_are_those(cloudwatch, log):
    cloudwatch.write(*"abcde")
    assert texts(log.last_lines(2)) == ["d", "e"]
    assert texts(log.last_lines(99)) == list("abcde")


def test_following_ends_after_the_job_has_and_hammers_nobody(cloudwatch, log):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 6:
            cloudwatch.write("b", at=10)

    cloudwatch.write("a")
    assert texts(log.follow(lambda: len(waits) >= 7, wait, jitter=lambda: 1.0)) == ["a", "b"]
    assert waits == [1, 2, 4, 8, 15, 15, 1]


def test_pauses_are_not_in_step(log):
    waits: list[float] = []
    list(log.follow(lambda: len(waits) >= 2, waits.append, jitter=iter([0.0, 0.5]).__next__))
    assert waits == [1.0, 3.0]


def test_a_job_that_ended_long_ago_is_read_at_once(cloudwatch, log):
    cloudwatch.write(*"abc")
    assert texts(log.follow(lambda: True, lambda _: None)) == list("abc")


def test_a_lost_network_is_waited_out_while_the_job_goes_on(cloudwatch, log):
    waits = []

    def lose(**_):
        raise EndpointConnectionError(endpoint_url="http://ann:hunter2@127.0.0.1")

    def wait(seconds):
        waits.append(seconds)
        cloudwatch.client.meta.events.unregister("before-call.cloudwatch-logs.DescribeLogStreams", lose)

    cloudwatch.write("a")
    cloudwatch.client.meta.events.register("before-call.cloudwatch-logs.DescribeLogStreams", lose)
    assert texts(log.follow(lambda: len(waits) > 2, wait)) == ["a"]
    cloudwatch.client.meta.events.register("before-call.cloudwatch-logs.DescribeLogStreams", lose)
    with pytest.raises(AwsError, match=f"the log of {JOB}: CloudWatch cannot be reached") as caught:
        list(log.follow(lambda: True, wait))
    assert "hunter2" not in str(caught.value)


def test_credentials_that_expired_end_the_following(cloudwatch, log):
    class Refused:
        status_code = 400

    answer = {"Error": {"Code": "ExpiredTokenException", "Message": "hunter2"}, "ResponseMetadata": {}}
    events = cloudwatch.client.meta.events
    events.register("before-call.cloudwatch-logs.DescribeLogStreams", lambda **_: (Refused(), answer))
    with pytest.raises(AwsError, match="have expired"):
        list(log.follow(lambda: False, lambda _: None))
