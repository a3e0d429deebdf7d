# SPDX-License-Identifier: Apache-2.0
"""The wire protocol, version 1: how the backend and its clients talk over ZeroMQ.

Only the standard library and numpy are used here; the Blender add-on carries a copy of this file.

Sockets: the backend is a ROUTER, a client a DEALER without a routing id of its own. A client puts exactly the frames
that `encode` returns on its socket, without an empty delimiter; it gets the same kind of message back. A message is

    frame 0       header: a JSON object in UTF-8 with "type" (str) and what the type adds; "arrays" describes the rest:
                  [{"name": str, "dtype": "f4"|"f8"|"i4"|"i8"|"u1", "shape": [int, ...]}, ...]
    frame 1..n    the arrays' raw little-endian bytes in C order, one frame each

`encode` writes "arrays" itself, `decode` takes it off again and returns the arrays by name. Nothing is ever pickled.
Unknown fields of a header are ignored, by both sides; so are types that a client does not know.

From the client
---------------
hello     protocol: int (1); token: str, "" where the CURVE key is the credential; client: str, who is calling, for
          the log; session: str, optional, 16 to 64 characters, random and kept secret. Answer: `welcome`, or `error`
          (bad_token, protocol_mismatch, too_many_clients). Until the `welcome` nothing else is answered. A client that
          lost its connection says hello again. With the same session it has its jobs again, which went on meanwhile:
          it submits them again, under their ids, and hears of those that are over, too, for a minute. Without a
          session its jobs ended with its connection.
submit    id: str, 1 to 64 characters, chosen by the client, not in use by another of its jobs (in a session, the very
          same message again is the same job, and does no work twice); requests: 1 to
          limits.batch of {"text": str, "seconds": float | null, "seed": int}; seconds null (or absent) asks the
          length predictor; seed is 0 when absent. A request may have "script": 1 to limits.script_lines of {"text",
          "seconds"}, done one after the other, limits.script_seconds at the most; its own text is then only what the
          motion is called, and its seconds count for nothing. The arrays before_rotations (N, 22, 4) and
          before_root_translation (N, 3), and the same with after_, all f4, at welcome.fps and on the skeleton of every
          result, are what all requests of the job continue from and lead to; with one of them, seconds may be
          as few as limits.between_seconds. A request may have "pins", up to limits.pins of {"effector": "left_hand",
          "right_hand", "left_foot", "right_foot", "head" or "hips", "seconds": float, "place": [x, y, z] | null,
          "turn": [w, x, y, z] | null, "until": float | null}: where that joint is at a second of the new part, in the
          space of the context or else of the motion, which begins at x = z = 0 and faces +Z; until: up to when it
          stays there. anchor_seconds: [float], up to limits.anchors, with the arrays anchor_rotations (A, 22, 4) and
          anchor_root_translation (A, 3), f4: poses that each request of the job meets at these seconds. within:
          float, optional, seconds after which nobody wants the results any more: a job that is not over by then ends
          with `error` too_late. model: str, optional, one of welcome.models where the backend has the feature "models";
          its own when absent. Answer: `queued`, then `progress`es, then for each request one `result`; or, instead of
          what is left of these, one `error` or one `cancelled` with that id, which ends the job.
cancel    id: str, of a job. Answer: `cancelled` once the job has stopped (between two model iterations; at once
          while it waits). A job that ended meanwhile gives `error` unknown_job, which a client that has its results
          may ignore.
familiarity  id: str; text: str, a prompt, as far as it is written. Answer: `familiarity`, between two jobs, unless a
          newer one of the same client came meanwhile: of a prompt that is being typed only the last counts. Of a
          backend that has the feature.
ping      id: str, optional. Answer: `pong` with the same id.
status    id: str, optional. Answer: `status`.
goodbye   the client will not come back: its jobs are cancelled and its session forgotten. No answer.
shutdown  id: str, optional. Answer: `shutdown`; running jobs get `cancelled`; then the backend ends.

From the backend
----------------
welcome   protocol: int; version: str, of moclip; model, licence, runtime, device: str; fps: float; joints: [str],
          the 22 names in the order of every array; features: [str], what this backend can do ("text_to_motion",
          "batch", "cancel", "auto_seconds", "script", "context", "sessions", "within", "stages", "pins", "anchors",
          "familiarity");
          limits: {"seconds": [shortest, longest], "text_characters", "batch", "queue" (jobs of one client),
          "queue_of_all", "script_lines", "context_frames", "pins", "anchors", "header_bytes", "arrays",
          "message_bytes" (of a message to the backend): int, "script_seconds", "between_seconds": float}; stages:
          [{"name": str, "words": str, "share": float}] in the order of the work: what `progress` calls them, what a
          user is told, and their shares of the time, 1 in all; resumed: bool, whether the session still has jobs or
          what they came to; process: {"pid": int, "host": str}, see `moclip_backend.liveness`; models: [{"name",
          "licence": str, "fps": float, "context": bool}], its own first, and with the feature "models" the others that
          a submit may name: motions go in and come back at their fps, and their stages may have other names. Of a
          model that tells: actions: [{"group", "name", "example": str}] and styles: [{"name", "example": str}], what
          it may be asked for, each with a prompt for it.
queued    id; position: int, jobs before this one (0: it starts now).
progress  id; stage: str, the name of one of welcome.stages; fraction: float 0..1 within the stage; overall: float
          0..1 over the whole job, never falling. At most about 20 a second.
result    id; index: int, which request of the job; count: int, how many it had (the job is over with index = count
          - 1); text: str; seed: int; seconds: float, frames / fps; fps: float; warnings: [str], sentences for the
          user; model: str; new: [first, end], the frames that were generated, all but what the request continues
          from and leads to, which come back unchanged; arrays, all f4: rotations (T, 22, 4) unit quaternions wxyz
          local to the parent, root_translation (T, 3) and joints (T, 22, 3) in metres, Y up, +Z forward, +X left,
          offsets (22, 3) metres, the rest pose (a T-pose).
cancelled id.
error     id: str | null (null: it belongs to no job); code: str, below or a MoclipError's ("bad_prompt",
          "bad_seconds", ...); message: str, one sentence for the user; hint: str, what to do; action: str, "" or
          what a button could do.
familiarity  id; far: bool, whether the prompt is far from what the backend's own model knows; nearest: [str], what it
          can do instead, the nearest first, [] where the model does not tell.
pong      id: str | null.
status    id: str | null; version, model, licence, runtime, device: str; uptime_seconds: float; clients, clients_away,
          jobs_waiting, jobs_running, jobs_done, jobs_failed, jobs_cancelled: int; pid: int.
shutdown  id: str | null. Also sent, unasked, to every client when the backend ends.
ping      sent now and then to see whether the client is still there; needs no answer.

Starting one
------------
`python -m moclip_backend.builtin` (or `moclip serve`) prints one line of JSON on stdout once it can be used:
    {"ready": true, "address": "tcp://127.0.0.1:PORT", "protocol": 1, "version": str, "model": str, "runtime": str,
     "device": str, "pid": int, "token_file": str | null}
or, when it cannot start, and then it ends with exit code 1:
    {"ready": false, "code": str, "message": str, "hint": str, "action": str}
Who starts it may choose the token by the environment variable MOCLIP_TOKEN (at least 16 characters; token_file is then
null), or reads it from the file of the ready line, which only the user can read; it is never on a command line. With a
pipe as its standard input the backend ends when that closes: keep the pipe open. A backend for other machines uses
CURVE keys, see `moclip keys`.
"""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROTOCOL = 1

MAX_HEADER_BYTES = 256 * 1024
MAX_ARRAYS = 64
MAX_DIMENSIONS = 4
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_REQUEST_BYTES = 1024 * 1024
"""Of a message to the backend, which holds it for each client; the longest that a client has use for is half of it."""
MAX_NAME = 64
MAX_ID = 64
SHORTEST_SESSION = 16
MAX_SENTENCE = 2000

DTYPES = {name: np.dtype(f"<{name}" if name != "u1" else "u1") for name in ("f4", "f8", "i4", "i8", "u1")}

# Types of messages.
HELLO, WELCOME = "hello", "welcome"
SUBMIT, QUEUED, PROGRESS, RESULT = "submit", "queued", "progress", "result"
CANCEL, CANCELLED, ERROR = "cancel", "cancelled", "error"
PING, PONG, STATUS, SHUTDOWN, GOODBYE = "ping", "pong", "status", "shutdown", "goodbye"
FAMILIARITY = "familiarity"

# Codes of `error` that the protocol itself gives; the model's own (bad_prompt, ...) come beside them.
BAD_MESSAGE = "bad_message"
TOO_LARGE = "too_large"
UNKNOWN_TYPE = "unknown_type"
BAD_TOKEN = "bad_token"
PROTOCOL_MISMATCH = "protocol_mismatch"
TOO_MANY_CLIENTS = "too_many_clients"
BAD_REQUEST = "bad_request"
DUPLICATE_ID = "duplicate_id"
UNKNOWN_JOB = "unknown_job"
QUEUE_FULL = "queue_full"
TOO_LATE = "too_late"
INTERNAL = "internal"


class WireError(ValueError):
    """A message that breaks the protocol: one sentence. code: BAD_MESSAGE or TOO_LARGE."""

    def __init__(self, message: str, code: str = BAD_MESSAGE):
        super().__init__(message)
        self.code = code


def encode(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> list[bytes]:
    """A message as frames: [header, buffer, ...].

    header: JSON-able, with "type". arrays: by name, of a dtype in DTYPES, any byte order. Raises WireError for what
    `decode` would refuse.
    """
    described, buffers = [], []
    for name, array in (arrays or {}).items():
        dtype = array.dtype.str[1:]
        if dtype not in DTYPES:
            raise WireError(f"array '{name}' has type {array.dtype}, which the protocol does not carry")
        described.append({"name": name, "dtype": dtype, "shape": list(array.shape)})
        buffers.append(np.ascontiguousarray(array, dtype=DTYPES[dtype]).tobytes())
    try:
        text = json.dumps({**header, "arrays": described}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise WireError(f"the header cannot be written as JSON: {error}") from error
    frames = [text.encode("ascii"), *buffers]
    _check_sizes(frames)
    _check_header({**header, "arrays": described}, frames)
    return frames


def decode(frames: Sequence[bytes]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header, without "arrays", and the arrays by name (read-only, native byte order).

    frames: what came over the socket. Raises WireError for anything that is not a message of this protocol; never
    anything else, and without allocating more than the frames' own size.
    """
    _check_sizes(frames)
    header = _parse(bytes(frames[0]))
    described = _check_header(header, frames)
    arrays = {}
    for entry, buffer in zip(described, frames[1:], strict=True):
        array = np.frombuffer(buffer, dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
        # A no-op on little-endian machines.
        array = array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("="))
        array.flags.writeable = False
        arrays[entry["name"]] = array
    return {key: value for key, value in header.items() if key != "arrays"}, arrays


def error_header(code: str, message: str, hint: str = "", action: str = "", job: str | None = None) -> dict[str, Any]:
    """The header of an `error` message; what is too long for a sentence (it may quote the client) is cut."""
    texts = {"code": code[:MAX_NAME], "message": message, "hint": hint, "action": action}
    return {"type": ERROR, "id": job, **{name: text[:MAX_SENTENCE] for name, text in texts.items()}}


def _check_sizes(frames: Sequence[bytes]) -> None:
    if not frames:
        raise WireError("the message has no frames")
    if len(frames) - 1 > MAX_ARRAYS:
        raise WireError(f"the message has {len(frames) - 1} arrays, the most is {MAX_ARRAYS}", TOO_LARGE)
    if len(frames[0]) > MAX_HEADER_BYTES:
        raise WireError(f"the header has {len(frames[0])} bytes, the most is {MAX_HEADER_BYTES}", TOO_LARGE)
    total = sum(map(len, frames))
    if total > MAX_MESSAGE_BYTES:
        raise WireError(f"the message has {total} bytes, the most is {MAX_MESSAGE_BYTES}", TOO_LARGE)


def _parse(frame: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    def unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        pairs = list(pairs)
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    try:
        header = json.loads(frame.decode("utf-8"), parse_constant=refuse, parse_float=_finite, object_pairs_hook=unique)
        # JSON may escape half a surrogate pair, which no text can hold: find it here, not where it is printed.
        json.dumps(header, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header is not JSON in UTF-8: {error}") from error
    if not isinstance(header, dict):
        raise WireError("the header is not a JSON object")
    return header


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _check_header(header: Mapping[str, Any], frames: Sequence[bytes]) -> list[dict[str, Any]]:
    """The descriptions of the arrays, each of which fits its frame."""
    if not isinstance(header.get("type"), str) or not 1 <= len(header["type"]) <= MAX_NAME:
        raise WireError("the header has no type")
    described = header.get("arrays", [])
    if not isinstance(described, list) or len(described) != len(frames) - 1:
        raise WireError("the arrays that the header describes are not the arrays that came")
    names = set()
    for entry, buffer in zip(described, frames[1:], strict=True):
        if not isinstance(entry, dict):
            raise WireError("the description of an array is not an object")
        name, dtype, shape = entry.get("name"), entry.get("dtype"), entry.get("shape")
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or name in names:
            raise WireError("an array has no name, a long one, or one that is used twice")
        names.add(name)
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise WireError(f"array '{name}' has a type that the protocol does not carry")
        if _size(name, shape) * DTYPES[dtype].itemsize != len(buffer):
            raise WireError(f"array '{name}' has a shape that does not fit its {len(buffer)} bytes")
    return described


def _size(name: str, shape: Any) -> int:
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise WireError(f"array '{name}' has no shape, or more than {MAX_DIMENSIONS} dimensions")
    if not all(type(length) is int and 0 <= length <= MAX_MESSAGE_BYTES for length in shape):
        raise WireError(f"array '{name}' has a shape that is not made of small whole numbers")
    # numpy refuses an empty array whose other lengths multiply to more than it can count.
    if math.prod(max(length, 1) for length in shape) > MAX_MESSAGE_BYTES:
        raise WireError(f"array '{name}' has too large a shape", TOO_LARGE)
    return math.prod(shape)
