# SPDX-License-Identifier: Apache-2.0
"""What the backend's loop does for each message and job, counted: how long it takes is that many times as much."""

import select
from collections.abc import Iterator, Sequence

import pytest

from moclip_backend.server.links import CHUNK, Outgoing
from moclip_backend.server.listener import Wake
from moclip_backend.server.plain_link import PlainLink
from moclip_backend.server.sessions import Outcome, Session, Sessions


class _Counted:
    """A socket's sends: how many, and what came of them. takes: bytes at most of each."""

    def __init__(self, takes: int = 1 << 30):
        self.sent: list[bytes] = []
        self._takes = takes

    def setblocking(self, _: bool) -> None:
        pass

    def send(self, data: memoryview) -> int:
        self.sent.append(bytes(data[: self._takes]))
        return len(self.sent[-1])

    @property
    def whole(self) -> bytes:
        return b"".join(self.sent)


def test_a_message_of_many_small_frames_is_sent_at_once():
    sock = _Counted()
    link = PlainLink(sock)
    link.send([b"header", *[bytes([number]) * 300 for number in range(4)]])
    assert len(sock.sent) == 1
    assert sock.whole.endswith(bytes([3]) * 300)


@pytest.mark.parametrize("takes", [1, 7, 1000, 1 << 30])
def test_all_of_it_leaves_in_order_whatever_is_taken_at_once(takes):
    sock = _Counted(takes)
    out = Outgoing(sock)
    parts = [b"a" * 5, b"", b"b" * 800, b"c" * 3]
    for part in parts:
        out.put(part)
    out.flush()
    assert (sock.whole, out.size) == (b"".join(parts), 0)


def test_what_is_large_is_sent_from_where_it_lies():
    sock = _Counted()
    out = Outgoing(sock)
    large = bytes(CHUNK + 1)
    for part in (b"head", b"er", large, b"tail"):
        out.put(part)
    out.flush()
    assert [len(part) for part in sock.sent] == [6, CHUNK + 1, 4]


def test_who_is_woken_already_is_not_called_again():
    wake = Wake()
    for _ in range(3):
        wake.set()
    assert len(wake._reader.recv(100)) == 1
    wake.clear()
    wake.set()
    assert select.select([wake], [], [], 0)[0]
    wake.clear()
    assert not select.select([wake], [], [], 0)[0]
    wake.close()


class _Messages(Sequence):
    """Counts how often it is gone through."""

    def __init__(self, size: int = 100):
        self.times, self._size = 0, size

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> list[bytes]:
        return [[bytes(self._size)]][index]

    def __iter__(self) -> Iterator[list[bytes]]:
        self.times += 1
        return super().__iter__()


def test_to_keep_an_outcome_those_that_are_kept_are_not_counted_anew():
    sessions, session = Sessions(), Session("a" * 16, link=None)
    sessions.add(session)
    kept = [_Messages() for _ in range(50)]
    for number, messages in enumerate(kept):
        sessions.keep(session, str(number), Outcome(b"", messages, float(number)))
    assert all(messages.times == 1 for messages in kept)


def test_what_is_kept_is_bounded_over_all_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr("moclip_backend.server.sessions.MAX_KEPT_BYTES", 350)
    sessions = Sessions()
    near, away = Session("a" * 16, link=_Link()), Session("b" * 16, link=None)
    for session in (near, away):
        sessions.add(session)
    sessions.keep(away, "old", Outcome(b"", _Messages(), 0.0))
    sessions.keep(near, "1", Outcome(b"", _Messages(), 1.0))
    sessions.keep(near, "2", Outcome(b"", _Messages(), 2.0))
    sessions.keep(near, "3", Outcome(b"", _Messages(), 3.0))
    assert (list(away.outcomes), list(near.outcomes)) == (["old"], ["2", "3"])
    sessions.forget(near, "2")
    sessions.remove(away)
    sessions.keep(near, "4", Outcome(b"", _Messages(), 4.0))
    sessions.keep(near, "5", Outcome(b"", _Messages(), 5.0))
    assert list(near.outcomes) == ["3", "4", "5"]
    sessions.keep(near, "huge", Outcome(b"", _Messages(1000), 6.0))
    assert list(near.outcomes) == ["huge"]


class _Link:
    """Stands for a connection: only that there is one is asked."""
