# SPDX-License-Identifier: Apache-2.0
"""Cutting a stream into messages, against libzmq's framing as RFC 23 describes it."""

import random
import struct

import pytest

from moclip_backend.server.zmtp import BrokenError, Limits, Meter, Reader, check_greeting, greeting
from moclip_backend.wire import WireError

OLD = b"\xff" + bytes(8) + b"\x7f\1"
LIMITS = Limits(frames=4, size=1000, frames_at_most=10, size_at_most=5000)


def frame(body: bytes, more: bool = False, long: bool = False) -> bytes:
    if long or len(body) > 255:
        return bytes([2 | more]) + struct.pack(">Q", len(body)) + body
    return bytes([more, len(body)]) + body


def message(*bodies: bytes) -> bytes:
    return b"".join(frame(body, number < len(bodies) - 1) for number, body in enumerate(bodies))


def read(reader: Reader, data: bytes) -> list:
    reader.feed(data)
    return list(iter(reader.next, None))


def test_messages_come_out_whole_however_the_stream_is_cut():
    sent = [[b"a"], [b"", b"x" * 300, b"y"], [b"z" * 255], [b""], [bytes(256)]]
    stream = b"".join(message(*bodies) for bodies in sent) + frame(b"long for no reason", long=True)
    dice = random.Random(1)
    for _ in range(50):
        reader, found, place = Reader(LIMITS), [], 0
        while place < len(stream):
            size = dice.randint(1, 40)
            found += read(reader, stream[place : place + size])
            place += size
        assert found == [*sent, [b"long for no reason"]] and reader.held == 0


@pytest.mark.parametrize("bodies", [[b"x"] * 5, [bytes(1001)], [bytes(600), bytes(600)]])
def test_what_is_too_long_is_refused_and_the_next_message_read(bodies):
    refused, after = read(Reader(LIMITS), message(*bodies) + message(b"after"))
    assert isinstance(refused, WireError) and refused.code == "too_large" and after == [b"after"]


def test_what_is_refused_is_not_held():
    reader = Reader(LIMITS)
    for _ in range(4):
        assert read(reader, frame(bytes(1001), more=True)) == []
        assert reader.held == 0


@pytest.mark.parametrize(
    "data",
    [
        frame(b"", more=True) * 11,
        bytes([3]) + struct.pack(">Q", 5001),
        bytes([2]) + struct.pack(">Q", 2**64 - 1),
        b"\x08\x00",
        b"\xff" * 20,
        b"\x05\x01",
        b"\x06" + struct.pack(">Q", 3000),
    ],
)
def test_what_never_ends_or_is_no_frame_ends_the_connection(data):
    with pytest.raises(BrokenError):
        read(Reader(LIMITS), data)


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1", greeting(b"PLAIN"), greeting(b"CURVE"), b"\xff" + bytes(9), OLD],
)
def test_other_languages_are_known_by_their_greeting(data):
    with pytest.raises(BrokenError):
        check_greeting(data, b"NULL")
    for length in range(65):
        check_greeting(greeting(b"NULL")[:length], b"NULL")


def test_frames_are_counted_as_they_pass():
    stream = greeting(b"CURVE") + message(b"a", b"b" * 400) + message(b"") + frame(b"c")[:2]
    for step in (1, 7, len(stream)):
        meter = Meter()
        for place in range(0, len(stream), step):
            meter.count(stream[place : place + step], 400)
        assert meter.frames == 4
    with pytest.raises(BrokenError):
        Meter().count(greeting(b"CURVE") + frame(bytes(401)), 400)
