"""What an answer of the API server means that is no good."""

from __future__ import annotations

import json

import pytest

from tenure.kubernetes.errors import ApiUnavailable, Conflict, Invalid, NotFound, NotServed, Refused, error_of


def _status(reason: str, **details: str) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": "so it is", "details": details}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (404, _status("NotFound", name="web-0", kind="pods"), NotFound),
        (404, _status("NotFound"), NotServed),
        (404, b"404 page not found\n", NotServed),
        (404, b'{"message": "no upstream"}', NotServed),
        (404, b"{}", NotServed),
        (404, b'{"kind": "Status", "reason": "NotFound", "details": "web-0"}', NotServed),
        (409, _status("Conflict", name="web-0"), Conflict),
        (422, _status("Invalid"), Invalid),
        (400, _status("BadRequest"), Invalid),
        (403, _status("Forbidden"), Refused),
        (429, b"", ApiUnavailable),
        (503, b"<html>", ApiUnavailable),
    ],
)
def test_only_the_api_servers_word_about_an_object_is_that_it_does_not_exist(
    status: int, content: bytes, expected: type[Exception]
) -> None:
    assert type(error_of("GET", "/api/v1/namespaces/shop/pods/web-0", status, content)) is expected
