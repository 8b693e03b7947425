"""The check of requests: what is legal passes, and each rule is found where it is broken."""

from smtune.amt.limits import check_request
from tests.unit.amt.requests import full, several


def test_legal_requests_have_no_violations():
    assert check_request(full()) == []
    assert check_request(several()) == []
