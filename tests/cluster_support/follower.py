"""Following every change of every object under a path, from a consistent list on, without a gap."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

from cluster_support.kubernetes import Kubernetes, Object, Refused

_RETRY_S = 0.05
_MAX_GAP = 5000
"""Revisions of the whole cluster; with more between two events, the replay would take too long."""

Change = Callable[[Object | None, Object | None, Mapping[str, Object]], None]


class Follower:
    """A thread that watches one collection, and calls `on_change(before, after, all by UID)` for every single change.

    `before` is None for a new object, `after` for one that is gone. The calls come in the order of resourceVersions.
    When the API server has forgotten what happened since the last event (it does so when it is restarted), the states
    between are read one by one from its storage: whatever was true at any resourceVersion is seen.
    """

    def __init__(self, kubernetes: Kubernetes, path: str, on_change: Change, news: threading.Event) -> None:
        self._kubernetes = kubernetes
        self._path = path
        self._on_change = on_change
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self.news = news
        listed = kubernetes.get(path)
        self._version = int(listed["metadata"]["resourceVersion"])
        for item in listed["items"]:
            self._apply(item["metadata"]["uid"], item)
        self._thread = threading.Thread(target=self._run, name=f"follower of {path}", daemon=True)
        self._thread.start()

    def objects(self) -> list[Object]:
        """The objects as they were at the last event."""
        with self._lock:
            return list(self._objects.values())

    def catch_up(self, *, timeout_s: float = 10.0) -> None:
        """Return when everything that had been acknowledged before this call was seen; fail if it could not be."""
        listed = self._kubernetes.get(self._path)
        versions = {item["metadata"]["uid"]: version_of(item) for item in listed["items"]}
        now = version_of(listed)
        until_s = time.monotonic() + timeout_s
        while not self._has_seen(versions, now):
            if self._failure is not None:
                raise AssertionError(f"The watch of {self._path} failed: {self._failure!r}") from self._failure
            if time.monotonic() >= until_s:
                raise AssertionError(f"The watch of {self._path} has not caught up within {timeout_s:g} s.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Follow no longer. The thread ends with the next event or by itself with the process."""
        self._stopping.set()

    def _has_seen(self, versions: Mapping[str, int], now: int) -> bool:
        with self._lock:
            return self._version >= now or versions == {uid: version_of(item) for uid, item in self._objects.items()}

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._watch()
                except Refused as refused:
                    if refused.status == 410:
                        self._replay()
                    elif refused.status < 500 and refused.status != 429:
                        raise
                    time.sleep(_RETRY_S)
                except OSError:
                    time.sleep(_RETRY_S)  # The API server is away.
        except Exception as error:  # noqa: BLE001 - told by catch_up
            self._failure = error

    def _watch(self) -> None:
        with contextlib.closing(self._kubernetes.watch(self._path, str(self._version))) as events:
            for kind, item in events:
                if self._stopping.is_set():
                    return
                if kind != "BOOKMARK":
                    self._apply(item["metadata"]["uid"], None if kind == "DELETED" else item)
                self._version = version_of(item)

    def _replay(self) -> None:
        """Go from the last event to the present through every state between."""
        until = int(self._kubernetes.get(self._path)["metadata"]["resourceVersion"])
        if until - self._version > _MAX_GAP:
            raise RuntimeError(f"There are {until - self._version} revisions to replay.")
        while self._version < until and not self._stopping.is_set():
            query = {"resourceVersion": str(self._version + 1), "resourceVersionMatch": "Exact"}
            try:
                items = {item["metadata"]["uid"]: item for item in self._kubernetes.get(self._path, **query)["items"]}
            except OSError:
                time.sleep(_RETRY_S)
                continue
            except Refused as refused:
                if refused.status < 500:
                    raise
                time.sleep(_RETRY_S)
                continue
            known = {item["metadata"]["uid"]: version_of(item) for item in self.objects()}
            for uid in known.keys() - items.keys():
                self._apply(uid, None)
            for uid, item in items.items():
                if known.get(uid) != version_of(item):
                    self._apply(uid, item)
            self._version += 1

    def _apply(self, uid: str, item: Object | None) -> None:
        with self._lock:
            before = self._objects.get(uid)
            if item is None:
                self._objects.pop(uid, None)
            else:
                self._objects[uid] = item
            self._on_change(before, item, self._objects)
        self.news.set()


def version_of(item: Object) -> int:
    """Return an object's resourceVersion."""
    return int(item["metadata"]["resourceVersion"])
