"""From the end of a command to an exit status: one sentence for whatever went wrong, and no traceback."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import click

from tenure.kubernetes.access import NoConfiguration
from tenure.kubernetes.errors import ApiError, ApiUnavailable, Conflict, NotFound, NotServed, Refused
from tenure.plugin.target import ExitStatus, Failure

_STATUSES: dict[type[ApiError], ExitStatus] = {
    ApiUnavailable: ExitStatus.UNREACHABLE,
    Refused: ExitStatus.FORBIDDEN,
    NotFound: ExitStatus.NOT_FOUND,
    NotServed: ExitStatus.NOT_FOUND,
}


def carry_out(work: Coroutine[Any, Any, ExitStatus]) -> NoReturn:
    """Run a command to its end, and exit with its status."""
    logging.getLogger().addHandler(logging.NullHandler())  # What libraries warn of, the sentence below says.
    try:
        status = asyncio.run(work)
    except Failure as failure:
        click.echo(f"kubectl tenure: {failure}", err=True)
        status = failure.status
    except NoConfiguration as error:
        click.echo(f"kubectl tenure: {error}", err=True)
        status = ExitStatus.UNREACHABLE
    except ApiError as error:
        click.echo(f"kubectl tenure: {explain(error)}", err=True)
        status = _STATUSES.get(type(error), ExitStatus.WRONG)
    sys.exit(status)


def explain(error: ApiError) -> str:
    """Return a sentence about an answer of the API server that nobody expected."""
    said = (error.said or str(error)).strip().rstrip(".")
    match error:
        case NotServed():
            return f"The API server does not serve this: {said}."
        case ApiUnavailable():
            return f"The API server does not answer: {error}."
        case Refused():
            return f"The API server does not allow this: {said}. Ask for a role that does."
        case Conflict():
            return f"Somebody else has changed it meanwhile: {said}. Try again."
        case _:
            return f"The API server refuses this: {said}."
