# SPDX-License-Identifier: Apache-2.0
"""`moclip serve --mmcp`: a model over the Motion Model Context Protocol (HTTP, glTF), for Proscenium and others."""

import asyncio
import importlib
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np

import moclip
from moclip.errors import MoclipError
from moclip.motion.skeleton import JOINT_NAMES
from moclip.prompts.limits import LONGEST_PROMPT, LONGEST_SCRIPT_SECONDS, MAX_BATCH
from moclip.prompts.requests import Request, Result
from moclip_backend.address import parse_bind
from moclip_backend.engine import Engine
from moclip_backend.interop.constraints import OFFERED, Constraints, constraints_of
from moclip_backend.interop.motions import notes_of, requests_of, sampled, skeleton
from moclip_backend.packages import require
from moclip_backend.server.serving import ServeOptions, load_engine, watch_parent
from moclip_backend.state.log import LOG, open_log

DEFAULT_BIND = "tcp://127.0.0.1:8000"
"""Where clients of MMCP look first."""
_MOST_WAITING = 32
"""Requests at once, the one at work among them."""


class MotionBackbone:
    """What `motionmcp` serves: requests of all clients one after the other, by an engine in a thread of its own."""

    def __init__(self, sdk: Any, engine: Engine):
        self._sdk, self._engine = sdk, engine
        self.model_id = engine.name
        self._turn = asyncio.Lock()
        self._waiting = 0
        joints = [sdk.Joint(**joint) for joint in skeleton()]
        limits = importlib.import_module("motionmcp.backbone").Limits(
            max_duration_seconds=LONGEST_SCRIPT_SECONDS, max_num_samples=MAX_BATCH, max_prompt_length=LONGEST_PROMPT
        )
        self._spec = sdk.ModelSpec(
            id=engine.name, fps=engine.fps, canonical_skeleton=sdk.Skeleton(joints=joints),
            supported_segments=["text"], supported_constraints=list(OFFERED), supported_guidance_types=[],
            limits=limits,
        )  # fmt: skip

    def setup(self) -> None:
        """Nothing: the model is loaded before anybody can ask."""

    def teardown(self) -> None:
        """Nothing."""

    def capabilities(self) -> Any:
        return self._spec

    async def generate(self, asked: Any) -> Any:
        """The samples of a request. Raises motionmcp's ProtocolError, with a sentence."""
        if self._waiting >= _MOST_WAITING:
            raise self._sdk.ProtocolError("resource_exhausted", "The backend has too much to do. Try again later.")
        try:
            held = constraints_of(asked, asked.fps(self._engine.fps))
            requests = [held.given(request) for request in requests_of(asked, self._engine.fps)]
        except MoclipError as error:
            raise self._sdk.ProtocolError("invalid_options", str(error)) from error
        self._waiting += 1
        try:
            async with self._turn:
                results = await asyncio.to_thread(self._generate, requests, held)
        except MoclipError as error:
            raise self._sdk.ProtocolError("invalid_options", str(error)) from error
        finally:
            self._waiting -= 1
        return self._told(asked, results)

    async def generate_batch(self, asked: Sequence[Any]) -> list[Any]:
        """In turn, each with its own end: as alone."""
        return await asyncio.gather(*map(self.generate, asked), return_exceptions=True)

    def _generate(self, requests: Sequence[Request], held: Constraints) -> list[Result]:
        made = self._engine.generate(requests, progress=lambda *_: None, cancelled=lambda: False)
        return [held.met(result) for result in made]

    def _told(self, asked: Any, results: Sequence[Result]) -> Any:
        rate = asked.fps(self._engine.fps)
        parts = [sampled(result.motion, asked.total_frames, rate) for result in results]
        return self._sdk.MotionResult(
            rotations=np.stack([turns for turns, _ in parts]),
            root_translations=np.stack([root for _, root in parts]),
            joint_names=list(JOINT_NAMES),
            notes=notes_of(asked, [warning for result in results for warning in result.warnings]),
        )


def serve_mmcp(options: ServeOptions, load: Any = load_engine) -> int:
    """Serve until the end of standard input, Ctrl+C or a polite kill. Raises MoclipError when it cannot start.

    Only this computer can reach it: the protocol has no encryption, nor has it keys. A line of JSON says that it is
    ready.
    """
    require("motionmcp", "mmcp")
    require("uvicorn", "mmcp")
    open_log(options.log_json)
    sdk, uvicorn = importlib.import_module("motionmcp"), importlib.import_module("uvicorn")
    host, port, local = parse_bind(options.bind)
    if not local:
        raise MoclipError(
            "MMCP has no encryption, so only this computer may reach it.",
            hint="Bind to 127.0.0.1, and let others in over an SSH tunnel.",
            code="not_local",
        )
    listening = _listen(host.strip("[]"), 0 if port == "*" else int(port))
    with listening:
        engine = load(options)
        app = sdk.build_app({engine.name: MotionBackbone(sdk, engine)}, title="MoCLIP")
        _guard(app)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))

        def end() -> None:
            server.should_exit = True

        watch_parent(options.parent_stdin, end)
        url = f"http://{host}:{listening.getsockname()[1]}"
        ready = {"ready": True, "url": url, "protocol": "mmcp", "version": moclip.__version__, "model": engine.name}
        print(json.dumps({**ready, "runtime": engine.runtime, "device": engine.device, "pid": os.getpid()}), flush=True)
        LOG.info("serving %s over MMCP at %s", engine.name, url)
        server.run(sockets=[listening])
    LOG.info("ended")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """Bound before the model loads: a port in use is said at once."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(64)
    except OSError as error:
        made.close()
        raise MoclipError(
            f"Nothing can be served at {host}:{port}: {error.strerror or error}.",
            hint="Is one running there already? `--bind tcp://127.0.0.1:0` takes any free port.",
            code="port_in_use",
        ) from error
    return made


def _guard(app: Any) -> None:
    """Refuse what a page in the user's browser sends: a name that leads here, or another site's page."""
    responses = importlib.import_module("fastapi.responses")

    async def check(request: Any, go_on: Any) -> Any:
        name = request.headers.get("host", "").rsplit(":", 1)[0]
        if name not in ("127.0.0.1", "localhost", "[::1]") or "origin" in request.headers:
            error = {"code": "forbidden", "message": "Only programs of this computer may ask.", "details": {}}
            return responses.JSONResponse(status_code=403, content={"error": error})
        return await go_on(request)

    app.middleware("http")(check)
