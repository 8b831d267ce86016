"""One watch of a bucket, or of one of its keys: the last entry of each, then every change."""

from __future__ import annotations

from collections.abc import Callable

from tenure.election.entry import Entry
from tenure.nats.connection import NatsConnection
from tenure.nats.consumer import BucketConsumer


class BucketWatch:
    """Follows the keys of one bucket on one connection at a time: all of them (`>`), or the one that `keys` names.

    After `start`, `on_entry(key, entry)` is called for the last entry of every key, then `on_snapshot_done()`, then
    `on_entry` for every change, always in the order of revisions. Changes during the snapshot are part of it; of
    changes that follow each other at once, only the last need come. `entry.value` is None for what was deleted,
    purged or aged out with a marker; what vanishes without a marker is not told. All callbacks are plain functions
    that must be quick; their errors are logged and change nothing.

    `on_broken(reason)` is called at most once after each `start`, when entries were lost or nothing has come for 2 to
    4 s (the server sends a heartbeat every second). Start again then, and after each reconnect, which is not announced
    here. A watch is a hint all the same: only the result of a compare-and-set proves anything.
    """

    def __init__(
        self,
        connection: NatsConnection,
        bucket: str,
        *,
        keys: str = ">",
        on_entry: Callable[[str, Entry], None],
        on_snapshot_done: Callable[[], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._bucket = bucket
        self._keys = keys
        self._on_entry = on_entry
        self._on_snapshot_done = on_snapshot_done
        self._on_broken = on_broken
        self._run: BucketConsumer | None = None

    @property
    def last_sequence(self) -> int:
        """The highest revision that came through since the last `start`; 0 before the first."""
        return self._run.stream_sequence if self._run is not None else 0

    @property
    def is_working(self) -> bool:
        """Started, and not found broken since."""
        return self._run is not None and not self._run.broken

    async def start(self, connection: int) -> None:
        """Watch on the connection with this number, in place of the present watch if there is one.

        Raises Unavailable when that connection is gone or the server did not answer within 2 s, BucketMissing when
        there is no bucket; nothing is watched then.
        """
        await self.stop()
        session = self._connection.session(connection)
        run = BucketConsumer(session, self._bucket, self._keys, self._on_entry, self._on_snapshot_done, self._on_broken)
        self._run = run
        try:
            await run.begin()
        except BaseException:
            self._run = None
            await run.end()
            raise

    async def stop(self) -> None:
        """End the watch; the server is asked to drop the consumer, and does so itself if the request fails."""
        run, self._run = self._run, None
        if run is not None:
            await run.end()
            await run.delete_consumer()
