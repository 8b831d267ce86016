"""One key of the Go library's bucket, contended for by candidates of ours and by nodes in Go: one leads at a time.

Ours are halted, killed and cut off, their requests are lost, late and unanswered, and they resign. Nodes in Go are
killed and resign, and their requests fail in the same ways. But the Go library has no deadline of its own, and it takes
any record with its own name for its leadership. So there are windows in which a node in Go believes to lead although
that may be somebody else's by now, whatever ours do. They are kept out, so that what is left is ours to answer for:

* One is never halted or cut off, and its requests are answered within moments, or fail after five seconds. Then it
  hears of a loss before its lease has run out.
* What arrives late arrives within `GO_LATENESS_S`: a claim or renewal that has failed makes it leader all the same when
  its watch shows that record, however old the lease is by then.
* Its reads while it does not lead are answered: it would campaign without that, find its own last record, and lead
  again for the little that is left of the lease.
* Its deletion is answered in the moment in which it is made: as long as the answer is under way it leads, and so may
  the next one. A deletion asks for no revision, so that a late one would be that of somebody else's record.
* One that comes back has another name: by its old one it would lead again at once.
* The wall clocks of nodes in Go are ahead by less than the two seconds from a candidate's deadline to the end of its
  lease, and they agree with each other. They may be behind for as long as they like.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from model.bucket import ModelBucket
from simulator.contenders import LEASE_S, GoNode, Ground, PythonNode, term_of
from simulator.link import Trouble
from simulator.loop import WALL_S, read_clock
from simulator.world import World
from tenure.election.entry import ABSENT, Entry
from tenure.election.record import LeaseRecord, parse
from tenure.runtime import clock

GO_LATENESS_S = 5.9

MAX_AGE_S = 2 * LEASE_S
"""For how long the Go library's bucket keeps a record that nobody renews."""

PATIENCE_S = {"fails": MAX_AGE_S + LEASE_S, "resigns": 0.0, "is killed": LEASE_S}
"""Until the next one leads after all that has failed, or after a leader that has ended so; see also `LOOKS_S`."""

LOOKS_S = 8.0
"""For looks at the record, and for clocks of nodes in Go that are behind by two seconds."""

Node = PythonNode | GoNode


class _JudgedWorld(World):
    """Has everything that happens judged at once."""

    def __init__(self, seed: int, judge: Callable[[], None]) -> None:
        super().__init__(seed)
        self._judge = judge

    def after(self, delay_s: float, happen: Callable[[], None]) -> None:
        super().after(delay_s, partial(self._let, happen))

    def _let(self, happen: Callable[[], None]) -> None:
        happen()
        self._judge()


class MixedCluster:
    """Some nodes of either kind, and what must hold of them, drawn from a seed.

    `handovers` counts who led after whom: the kind of the one, how it ended, and the kind of the other.
    """

    def __init__(self, seed: int) -> None:
        world = self._world = _JudgedWorld(seed, self._judge)
        draw = world.random
        self._bucket = ModelBucket(lambda: WALL_S + world.now_s)
        self._bucket.max_age_s = MAX_AGE_S
        self._ground = Ground(
            world,
            self._bucket,
            Trouble(any=draw.choice([0.0, 0.05, 0.2]), late=draw.choice([0.0, 0.05]), lateness_s=40.0),
            Trouble(any=draw.choice([0.0, 0.05, 0.1]), lateness_s=GO_LATENESS_S),
            go_skew_s=draw.choice([0.0, 0.0, 1.7, -1.9, -3600.0]),
        )
        self._nodes: list[Node] = []
        self._ending: list[Node] = []
        self._started = 0
        self._stood = ABSENT
        self.handovers: Counter[tuple[str, str, str]] = Counter()

    def play(self, faults: int) -> None:
        """Let so many faults happen; then end them, and one leader after another. Raises AssertionError."""
        world = self._world
        self._bucket.listen(lambda _, entry: self._judge_write(entry))
        with _unheard(), patch.object(clock, "now", read_clock):
            try:
                for kind in ("python", "go", world.random.choice(["python", "go"])):
                    self._start(kind)
                for _ in range(faults):
                    self._run(world.random.uniform(0.5, LEASE_S))
                    self._break()
                self._ground.python_trouble.end()
                self._ground.go_trouble.end()
                self._run(3 * LEASE_S)  # Then whatever is broken for a while is whole, and no request waits any more.
                self._hand_over()
            finally:
                for node in self._nodes:
                    node.kill()

    def _hand_over(self) -> None:
        """End each leader until none is left: as long as there are nodes, one of them must lead."""
        last, how = "nobody", "fails"
        while self._staying:
            leader = self._await_leader(PATIENCE_S[how])
            self.handovers[last, how, leader.kind] += 1
            last, how = leader.kind, self._world.random.choice(["resigns", "is killed"])
            self._end(leader, how)

    def _await_leader(self, patience_s: float) -> Node:
        if self._ground.go_skew_s < -LEASE_S:
            patience_s = max(patience_s, MAX_AGE_S)  # To nodes in Go nothing has run out before it is forgotten.
        until_s = self._world.now_s + patience_s + LOOKS_S
        while True:
            leader = next((node for node in self._staying if node.is_leader), None)
            if leader is not None:
                return leader
            assert self._world.now_s < until_s, f"nobody leads at {self._world.now_s:.3f} s"
            self._run(0.5)

    # What happens

    def _run(self, seconds: float) -> None:
        self._world.run_until(self._world.now_s + seconds)

    def _start(self, kind: str, name: str = "") -> None:
        self._started += 1
        name = name or f"{kind}-{self._started}"
        self._nodes.append(PythonNode(self._ground, name) if kind == "python" else GoNode(self._ground, name))

    def _break(self) -> None:
        """End a node, which comes back after a while, or trouble one of ours."""
        draw = self._world.random
        if not self._staying:
            return
        node = draw.choice([*self._staying, *(node for node in self._staying if node.is_leader)])
        for_s = draw.uniform(0.0, 2 * LEASE_S)
        fault = draw.choice(["end", "halt", "cut", "reconnect", "silence"]) if isinstance(node, PythonNode) else "end"
        match node, fault:
            case PythonNode(), "halt":
                node.loop.halt()
                self._world.after(for_s, node.loop.resume)
            case PythonNode(), "cut":
                node.link.is_cut = True
                self._world.after(for_s, node.mend)
            case PythonNode(), "reconnect":
                node.mend()
            case PythonNode(), "silence":
                node.leases.silence_watch()
            case _:
                self._end(node, draw.choice(["resigns", "is killed"]))
                name = node.name if node.kind == "python" else ""  # One in Go would lead at once, by its old name.
                self._world.after(for_s + LEASE_S, partial(self._start, node.kind, name))

    def _end(self, node: Node, how: str) -> None:
        """Let it end, be it in order: for that it has a lease's time."""

        def go() -> None:
            if node in self._ending:
                self._ending.remove(node)
                self._nodes.remove(node)
                node.kill()

        self._ending.append(node)

        if how == "is killed":
            go()
        else:
            node.resign(go)
            self._world.after(LEASE_S, go)

    # What must hold

    @property
    def _staying(self) -> list[Node]:
        """Those that were not told to end."""
        return [node for node in self._nodes if node not in self._ending]

    def _judge(self) -> None:
        names = [node.name for node in self._nodes if node.is_leader]
        assert len(names) <= 1, f"{names} lead at {self._world.now_s:.3f} s"

    def _judge_write(self, entry: Entry) -> None:
        """Terms rise with each new holder, except where a node in Go claims what was deleted or forgotten."""
        stood, self._stood = self._stood, entry
        if stood.written_at_s is not None and stood.written_at_s + MAX_AGE_S <= WALL_S + self._world.now_s:
            stood = ABSENT
        if entry.value is None:
            assert stood.revision == 0 or self._ground.go_is_deleting, "a marker of ours is where something stood"
            return
        record = parse(entry.value)
        assert isinstance(record, LeaseRecord)
        before = parse(stood.value) if stood.value is not None else None
        if isinstance(before, LeaseRecord):
            goes_on = record.holder in (before.holder, "") and record.term == before.term
            assert goes_on or record.term > before.term, f"{record} is written over {before}"
        author = next((one for one in self._nodes if isinstance(one, PythonNode) and one.writer == record.writer), None)
        if author is not None and record.term != term_of(stood):
            assert record.term > author.leases.highest_term, f"{record}: it has seen {author.leases.highest_term}"


@contextmanager
def _unheard() -> Iterator[None]:
    """What candidates say of lost requests is of no interest."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
