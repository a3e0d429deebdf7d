# SPDX-License-Identifier: Apache-2.0
import ast
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip_backend import wire


def frame(**header) -> bytes:
    return json.dumps(header).encode()


def array(name="a", dtype="f4", shape=(2,)) -> dict:
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def test_arrays_are_little_endian_in_c_order_whatever_they_were_in_memory():
    big_endian_columns = np.array([[1, 2], [3, 4]], dtype=">f4", order="F")
    frames = wire.encode({"type": "result", "text": "né"}, {"a": big_endian_columns})
    assert frames[1] == struct.pack("<4f", 1, 2, 3, 4)
    assert json.loads(frames[0]) == {"type": "result", "text": "né", "arrays": [array(shape=(2, 2))]}


def test_decode_returns_what_was_sent_in_native_order_and_read_only():
    sent = {"r": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "n": np.zeros((0, 3), np.uint8), "s": np.int64(7)}
    header, arrays = wire.decode(wire.encode({"type": "x", "id": "1"}, {**sent, "s": np.asarray(sent["s"])}))
    assert header == {"type": "x", "id": "1"}
    assert {name: a.shape for name, a in arrays.items()} == {"r": (2, 3, 4), "n": (0, 3), "s": ()}
    assert np.array_equal(arrays["r"], sent["r"]) and arrays["r"].dtype.isnative and arrays["s"] == 7
    with pytest.raises(ValueError):
        arrays["r"][0] = 1


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"\xff\xfe"],
        [b"[1, 2]"],
        [b"{}"],
        [frame(type=7)],
        [frame(type="")],
        [b'{"type": "a", "x": NaN}'],
        [b'{"type": "a", "x": 1e999}'],
        [b'{"type": "a", "type": "b"}'],
        [b'{"type": "a", "text": "\\ud800"}'],
        [b"[" * 100_000],
        [b'{"type": "a", "x": ' + b"9" * 5000 + b"}"],
        [frame(type="a"), b"12345678"],
        [frame(type="a", arrays=[array()])],
        [frame(type="a", arrays=[array()]), b"1234567"],
        [frame(type="a", arrays=[array(), array()]), b"12345678", b"12345678"],
        [frame(type="a", arrays=[array(dtype="O")]), b"12345678"],
        [frame(type="a", arrays=[array(dtype="f2", shape=(4,))]), b"12345678"],
        [frame(type="a", arrays=[array(dtype=["f4"])]), b"12345678"],
        [frame(type="a", arrays=[array(shape=(-1, -2))]), b"12345678"],
        [frame(type="a", arrays=[array(shape=(2.0,))]), b"12345678"],
        [frame(type="a", arrays=[array(shape=(True, 2))]), b"12345678"],
        [frame(type="a", arrays=[array(shape=(2, 1, 1, 1, 1))]), b"12345678"],
        [frame(type="a", arrays=[array(shape=(0, 10**7, 10**7, 10**7))]), b""],
        [frame(type="a", arrays=[array(name="")]), b"12345678"],
        [frame(type="a", arrays="aa"), b"", b""],
        [frame(type="a", arrays=[1]), b""],
    ],
)
def test_what_breaks_the_protocol_is_refused(frames):
    with pytest.raises(wire.WireError):
        wire.decode(frames)


@pytest.mark.parametrize(
    "frames",
    [
        [b" " * (wire.MAX_HEADER_BYTES + 1)],
        [frame(type="a")] + [b""] * (wire.MAX_ARRAYS + 1),
        [frame(type="a", arrays=[array(dtype="u1", shape=(wire.MAX_MESSAGE_BYTES,))]), bytes(wire.MAX_MESSAGE_BYTES)],
    ],
)
def test_what_is_over_a_bound_is_refused_as_too_large(frames):
    with pytest.raises(wire.WireError) as caught:
        wire.decode(frames)
    assert caught.value.code == wire.TOO_LARGE


@pytest.mark.parametrize("bad", [np.zeros(3, np.complex64), np.array([{}]), np.zeros(2, np.float16), np.array(["a"])])
def test_encode_refuses_arrays_that_the_protocol_does_not_carry(bad):
    with pytest.raises(wire.WireError):
        wire.encode({"type": "x"}, {"a": bad})


@pytest.mark.parametrize("header", [{"type": "x", "v": float("nan")}, {"type": "x", "v": b"raw"}, {"no": "type"}])
def test_encode_refuses_headers_that_decode_would(header):
    with pytest.raises(wire.WireError):
        wire.encode(header)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_random_bytes_give_wire_errors_and_nothing_else(frames):
    try:
        wire.decode(frames)
    except wire.WireError:
        pass


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_DESCRIPTION = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=3) | _JSON,
        "dtype": st.sampled_from([*wire.DTYPES, "O"]) | _JSON,
        "shape": st.lists(st.integers(0, 4), max_size=3) | _JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_DESCRIPTION, max_size=4) | _JSON, st.lists(st.binary(max_size=32), max_size=4))
def test_random_descriptions_of_arrays_give_wire_errors_and_nothing_else(described, buffers):
    try:
        _, arrays = wire.decode([frame(type="a", arrays=described), *buffers])
    except wire.WireError:
        return
    assert sum(a.nbytes for a in arrays.values()) == sum(map(len, buffers))


def test_wire_needs_only_numpy_and_the_standard_library():
    tree = ast.parse(Path(wire.__file__).read_text())
    imports = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    imports |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imports} - set(sys.stdlib_module_names) == {"numpy"}
    assert "pickle" not in imports
