"""What the Kubernetes API answers when it does not do what it was asked for."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

MAX_MESSAGE_LENGTH = 500
"""Characters of an error's text that are passed on."""


class ApiError(Exception):
    """A request had no good answer.

    ApiError
    ├── ApiUnavailable   no answer in time, or one that says to come back: whether it was applied is not known
    │   └── NotServed    404 about the path, not about an object
    ├── NotFound         404: the API server says that the object does not exist
    ├── Conflict         409: the object has another version
    ├── Invalid          422: the content was refused, or a test of a JSON Patch failed
    └── Refused          any other refusal, such as a missing permission

    `said` is what the API server said by itself, "" when it said nothing.
    """

    def __init__(self, text: str, *, said: str = "") -> None:
        super().__init__(text)
        self.said = said


class ApiUnavailable(ApiError):
    """No answer, 429 or 5xx."""


class NotServed(ApiUnavailable):
    """404, and no word about an object: the API server does not serve the resource, or something else has answered.

    It proves nothing of any object: who takes a pod for gone needs no stamp on it, and who takes an election for gone
    takes its labels off.
    """


class NotFound(ApiError):
    """404 with the API server's own word that the object does not exist."""


class Conflict(ApiError):
    """409."""


class Invalid(ApiError):
    """422, or 400: how a JSON Patch without its parent path is refused."""


class Refused(ApiError):
    """Any other 4xx."""


def error_of(method: str, path: str, status: int, content: bytes) -> ApiError:
    """Return what an answer that is no good means."""
    answer = json_object(content) or {}
    said = str(answer.get("message") or content.decode(errors="replace"))[:MAX_MESSAGE_LENGTH]
    return _class_of(status, answer)(f"{method} {path}: {status} {said}", said=said)


def json_object(content: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else."""
    try:
        loaded = json.loads(content)
    except ValueError:
        return None
    return loaded if isinstance(loaded, dict) else None


def _class_of(status: int, answer: dict[str, Any]) -> type[ApiError]:
    match status:
        case HTTPStatus.NOT_FOUND:
            return NotFound if _names_an_object(answer) else NotServed
        case HTTPStatus.CONFLICT:
            return Conflict
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.BAD_REQUEST:
            return Invalid
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.REQUEST_TIMEOUT:
            return ApiUnavailable
        case _:
            return ApiUnavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused


def _names_an_object(answer: dict[str, Any]) -> bool:
    """Whether a 404 says which object there is not.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    is_status = answer.get("kind") == "Status" and answer.get("reason") == "NotFound"
    details = answer.get("details")
    return is_status and isinstance(details, dict) and bool(details.get("name"))
