"""The effects that concern a record, carried out on a lease store."""

from __future__ import annotations

import logging

from tenure.election import effects, inputs
from tenure.election.inputs import WriteOutcome
from tenure.nats.store import LeaseStore, OutcomeUnknown, StoreError, Unavailable, WrongRevision

logger = logging.getLogger(__name__)


async def write_lease(store: LeaseStore, key: str, effect: effects.WriteLease) -> inputs.Input:
    """Write, and return how that ended."""
    try:
        revision = await store.write(
            key,
            effect.value,
            expected_revision=effect.expected_revision,
            connection=effect.connection,
            timeout_s=effect.timeout_s,
        )
    except WrongRevision:
        return inputs.LeaseWritten(WriteOutcome.WRONG_REVISION)
    except OutcomeUnknown as error:
        logger.info("Lease write without an answer", extra={"record": key, "error": str(error)})
        return inputs.LeaseWritten(WriteOutcome.UNKNOWN)
    except Unavailable as error:
        logger.debug("Lease not written", extra={"record": key, "error": str(error)})
        return inputs.LeaseWritten(WriteOutcome.UNAVAILABLE)
    term = None if effect.record is None else effect.record.term
    logger.debug("Lease written", extra={"record": key, "term": term, "revision": revision})
    return inputs.LeaseWritten(WriteOutcome.APPLIED, revision)


async def read_lease(store: LeaseStore, key: str, effect: effects.ReadLease) -> inputs.Input:
    """Read from the stream's leader, and return what stands there, or that there was no answer."""
    try:
        return inputs.LeaseRead(await store.read(key, timeout_s=effect.timeout_s))
    except StoreError as error:
        logger.debug("Lease not read", extra={"record": key, "error": str(error)})
        return inputs.LeaseRead(None)
