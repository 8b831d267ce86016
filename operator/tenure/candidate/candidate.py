"""One program's part in an election: it campaigns for itself, and is told when it leads and when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Self

from tenure.candidate.config import ElectionConfig
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.notices import BecameLeader, Leadership, LostLeadership, NewLeader, Notice, notices_between
from tenure.election.record import MAX_IDENTITY_LENGTH
from tenure.nats.bucket import DEFAULT_BUCKET, BucketRefused, BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.nats.store import Unavailable, check_key
from tenure.runtime import clock, tasks
from tenure.runtime.campaign import Campaign
from tenure.runtime.leases import Leases

logger = logging.getLogger(__name__)

MAX_WAITING_NOTICES = 1000
"""Notices that wait for a callback that does not return; those beyond are dropped, with a line in the log."""

MAX_AGE_LEASES = 2
"""A bucket that forgets records must keep them for so many leases at least."""

Callback = Callable[..., Awaitable[None] | None]


class NotLeader(Exception):
    """The candidate does not lead, or not for long enough any more, or takes part no more."""


class Candidate:
    """Takes part in the election whose record stands under `key` in `bucket`, as `identity`.

    `identity` must be nobody else's: a pod's name and UID, joined by `_`, for an election that Tenure's operator shows.
    `key` is `<namespace>.<name>` for such an election. The callbacks are plain functions or coroutine functions; each
    is called once for each change, one after another, in the order of the changes. `on_became_leader` and
    `on_lost_leadership` take no argument, `on_new_leader` the identity of another one that leads. Errors are logged.

        async with Candidate(identity, key="shop.web", nats=NatsSettings(urls=("nats://nats:4222",))) as me:
            await me.wait_until_leader()
            while me.is_leader:
                me.ensure_leader(for_s=1.0)
                await a_step_that_takes_less_than_a_second()

    Raises ValueError for an identity, a key or a time that cannot be.
    """

    def __init__(
        self,
        identity: str,
        *,
        key: str,
        nats: NatsSettings,
        bucket: str = DEFAULT_BUCKET,
        config: ElectionConfig | None = None,
        on_became_leader: Callback | None = None,
        on_lost_leadership: Callback | None = None,
        on_new_leader: Callback | None = None,
    ) -> None:
        if not identity or len(identity) > MAX_IDENTITY_LENGTH or not identity.isprintable():
            raise ValueError(f"An identity has 1 to {MAX_IDENTITY_LENGTH} printable characters, unlike {identity!r}.")
        check_key(key)
        config = config or ElectionConfig()
        self.identity = identity
        self._key = key
        self._callbacks = {
            BecameLeader: on_became_leader,
            LostLeadership: on_lost_leadership,
            NewLeader: on_new_leader,
        }
        least_max_age_s = MAX_AGE_LEASES * config.timing.duration_s
        self._leases = Leases(nats, BucketSettings(name=bucket, least_max_age_s=least_max_age_s), keys=key)
        self._candidacy = Candidacy(
            identity=identity,
            writer=f"candidate/{socket.gethostname()}/{secrets.token_hex(4)}",
            namespace_uid=None,
            timing=config.timing,
            poll_interval_s=config.poll_interval_s,
        )
        self._campaign = Campaign(
            self._leases, self._candidacy, key=key, on_step=self._take_note, on_failure=self._take_part_no_more
        )
        self._told = Leadership()
        self._complaint = ""
        self._is_stopping = False
        self._changed = asyncio.Event()
        self._notices: asyncio.Queue[Notice] = asyncio.Queue(MAX_WAITING_NOTICES)
        self._teller: asyncio.Task[None] | None = None

    @property
    def leadership(self) -> Leadership:
        """Who leads at this moment, as far as is known here."""
        return self._leadership(clock.now())

    @property
    def is_leader(self) -> bool:
        """Whether this candidate leads at this moment. It needs no answer from anybody to stop."""
        return self.leadership.led_term is not None

    @property
    def leader(self) -> str:
        """The identity of who leads, "" when nobody is known to."""
        return self.leadership.holder

    @property
    def term(self) -> int:
        """The present term, a fencing token for the one who leads; 0 when nobody is known to lead."""
        return self.leadership.term

    def remaining_s(self) -> float:
        """For how many seconds this candidate certainly leads yet, whatever happens; 0 when it does not lead."""
        return 0.0 if self._is_stopping else self._candidacy.remaining_s(clock.now().monotonic_s)

    def respected_s(self) -> float:
        """For how many seconds nobody else certainly begins to lead: what is left, after a loss, to end in order.

        Longer than `remaining_s` while this candidate leads; 0 once another has taken over, or the time has passed.
        """
        return self._candidacy.respected_s(clock.now().monotonic_s)

    def ensure_leader(self, *, for_s: float = 0.0) -> int:
        """Return the term, or raise NotLeader when the lease does not certainly last for so long.

        To be called before a step that only the leader may make, with how long that may take. The process can be halted
        right after it: what must never happen twice is for the resource to refuse, by the term.
        """
        term, remaining_s = self.leadership.led_term, self.remaining_s()
        if term is None or remaining_s <= for_s:
            raise NotLeader(f"{self.identity} does not lead, or for {remaining_s:.1f} s only, not for {for_s:g} s.")
        return term

    async def start(self) -> None:
        """Connect, and campaign from now on; what fails later is tried again until `stop`.

        Raises Unavailable when NATS or JetStream is not there yet: call it again then. Raises BucketRefused when the
        bucket cannot hold leases, and NotLeader after `stop`, also one that was called meanwhile.
        """
        try:
            await self._leases.start()
        except BucketRefused:
            await self._leases.close()
            raise
        except Unavailable:
            if not self._is_stopping:
                raise  # Else there is nothing to call again for.
        if self._is_stopping:
            await self._leases.close()
            raise NotLeader(f"{self.identity} takes no part in the election any more.")
        self._teller = asyncio.create_task(self._tell(), name=f"callbacks of {self.identity}")
        self._campaign.begin()

    async def stop(self) -> None:
        """Stop leading, let `on_lost_leadership` return as long as the lease lasts, and give the lease up.

        So the next leader does not begin before this one has ended. When this is cancelled, the callback is too, and
        the lease runs out by itself.
        """
        remaining_s = self.remaining_s()
        self._take_part_no_more()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining_s):
                    await self._notices.join()
            await self._campaign.resign()
        finally:  # Whoever does not wait any longer must not leave behind what renews the lease.
            await self._campaign.close()
            await self._leases.close()
            if self._teller is not None:
                await tasks.cancel({self._teller})

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait_until_leader(self) -> int:
        """Return the term as soon as this candidate leads. Raises NotLeader when it takes part no more."""
        while (term := self.leadership.led_term) is None:
            if self._is_stopping:
                raise NotLeader(f"{self.identity} takes no part in the election any more.")
            await self._changed.wait()
        return term

    async def wait_until_lost(self) -> None:
        """Return as soon as this candidate does not lead, or not in the same term."""
        term = self.leadership.led_term
        while term is not None and term == self.leadership.led_term:
            await self._changed.wait()

    async def changes(self) -> AsyncIterator[Leadership]:
        """Yield who leads now, and again after each change, as long as this candidate takes part.

        Whoever is slow gets the latest, not each one between.
        """
        seen: Leadership | None = None
        while seen != self._told or not self._is_stopping:
            if seen != self._told:
                seen = self._told
                yield seen
            else:
                await self._changed.wait()

    def _take_note(self, now: Instant) -> None:
        """Note what has changed, for all who wait for it."""
        if (complaint := self._candidacy.complaint) and complaint != self._complaint:
            logger.error("%s", complaint, extra={"identity": self.identity, "key": self._key})
        self._complaint = complaint
        before, after = self._told, self._leadership(now)
        if before == after:
            return
        self._told = after
        self._wake_all()
        for notice in notices_between(before, after, identity=self.identity):
            try:
                self._notices.put_nowait(notice)
            except asyncio.QueueFull:
                logger.error("%s is not told: a callback does not return", notice)  # noqa: TRY400 - nobody's failure

    def _take_part_no_more(self) -> None:
        """Stop leading at once: because it is asked for, or because a defect has ended the campaign."""
        self._is_stopping = True
        self._take_note(clock.now())
        self._wake_all()

    def _wake_all(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _leadership(self, now: Instant) -> Leadership:
        found = self._candidacy.leadership(now.monotonic_s)
        return replace(found, led_term=None) if self._is_stopping else found

    async def _tell(self) -> None:
        """Call the callbacks, one after another."""
        me = asyncio.current_task()
        assert me is not None
        while True:
            notice = await self._notices.get()
            logger.info("%s", _sentence(notice), extra={"identity": self.identity, "term": notice.term})
            try:
                called = self._callback(notice)
                if called is not None:
                    await called
            except asyncio.CancelledError:
                if me.cancelling():
                    raise
                logger.warning("A callback was cancelled")  # It has awaited a task that it cancelled itself.
            except Exception:
                logger.exception("A callback failed")
            finally:
                self._notices.task_done()

    def _callback(self, notice: Notice) -> Awaitable[None] | None:
        callback = self._callbacks[type(notice)]
        if callback is None:
            return None
        return callback(notice.holder) if isinstance(notice, NewLeader) else callback()


def _sentence(notice: Notice) -> str:
    match notice:
        case BecameLeader():
            return "Became leader"
        case LostLeadership():
            return "Lost leadership"
        case NewLeader(holder):
            return f"{holder} leads"
