"""What the other tests rely on: no environment lets a program leave this machine unnoticed."""

import pytest

from tests.sdk.conftest import interpreter

LEAVING = """
import json, socket, urllib.request
refused = []
for attempt in (
    lambda: socket.create_connection(("sts.us-east-1.amazonaws.com", 443)),
    lambda: socket.socket().connect(("192.0.2.1", 443)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
    lambda: urllib.request.urlopen("https://sm-pysdk-t-us-east-1.s3.us-east-1.amazonaws.com/telemetry", timeout=5),
):
    try:
        attempt()
    except OSError as error:
        refused.append(str(error))
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
print(json.dumps(refused))
"""


@pytest.mark.parametrize("environment", ["sdk3", "sdk2", "awscli"])
def test_whoever_leaves_the_machine_is_refused_and_noted(workplace, environment):
    told = workplace.call(interpreter(environment), "-c", LEAVING).told

    hosts = ["sts.us-east-1.amazonaws.com", "192.0.2.1", "192.0.2.1", "sm-pysdk-t-us-east-1.s3"]
    assert len(told) == len(hosts)
    for host, reason in zip(hosts, told, strict=True):
        assert host in reason
        assert "is not this machine" in reason
    noted = workplace.refused.read_text().splitlines()
    workplace.refused.unlink()  # it was meant to be
    assert len(noted) >= len(hosts)
