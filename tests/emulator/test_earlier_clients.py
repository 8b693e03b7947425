"""Clients that a program made before it came to an emulator."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import boto3, sys
given = {"region_name": "us-east-1", "aws_access_key_id": "AKREAL", "aws_secret_access_key": "real"}
client = boto3.client("sagemaker", **given)
session = boto3.Session(**given)
used = boto3.Session(**given)
used.client("s3")
assert "moto" not in sys.modules
import smtune.emulator
with smtune.emulator.emulate() as aws:
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    assert [one["Name"] for one in used.client("s3").list_buckets()["Buckets"]] == [aws.bucket]
    queue = session.client("sqs").create_queue(QueueName="once")["QueueUrl"]
    session.client("sqs").send_message(QueueUrl=queue, MessageBody="one")
    attributes = session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
print("all of it here")
"""


def test_clients_and_sessions_of_before_talk_to_the_emulator():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "all of it here\n", done.stderr
