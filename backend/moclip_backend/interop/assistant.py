# SPDX-License-Identifier: Apache-2.0
"""`moclip serve --mcp FOLDER`: tools for an assistant (Model Context Protocol, over standard input and output).

It can list models, and generate motions into one folder, which the user names. It can neither read files nor write over
any.
"""

import asyncio
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import moclip
from moclip.errors import MoclipError
from moclip_backend.engine import Engine
from moclip_backend.packages import require

FORMATS = ("bvh", "npz", "npy")
_INSTRUCTIONS = (
    "Turns English sentences about one person's movement into motion files. A prompt says what the person does, "
    "such as 'a person walks forward, then waves'."
)


class Studio:
    """The tools. folder: where motions go, and nowhere else. load: gives the engine of a model, by its name."""

    def __init__(self, folder: Path, model: str, load: Callable[[str], Engine]):
        self._folder, self._model, self._load = folder, model, load
        self._loaded: tuple[str, Engine] | None = None
        self._turn = asyncio.Lock()

    def models(self) -> list[dict[str, Any]]:
        from moclip.models import list_models

        return [
            {
                "name": info.name, "generator": info.generator_name, "licence": info.licence,
                "description": info.description, "default": info.name == self._model,
            }
            for info in list_models()
        ]  # fmt: skip

    async def save(
        self, text: str, name: str, seconds: float | None, seed: int, format: str, model: str | None
    ) -> dict[str, Any]:
        """Raises MoclipError for whatever cannot be made or written."""
        path = self._path(name, format)
        async with self._turn:
            return await asyncio.to_thread(self._make, path, text, seconds, seed, model or self._model)

    def _path(self, name: str, format: str) -> Path:
        from moclip_backend.batch.items import safe_name

        if format not in FORMATS:
            raise MoclipError(f"There is no format '{format:.20}'.", hint=f"Use {', '.join(FORMATS)}.")
        path = self._folder / f"{safe_name(name)}.{format}"
        if path.exists() or path.is_symlink():
            raise MoclipError(f"There is a file '{path.name}' already.", hint="Choose another name.", code="name_taken")
        return path

    def _make(self, path: Path, text: str, seconds: float | None, seed: int, model: str) -> dict[str, Any]:
        from moclip.files.formats import save_motion
        from moclip.prompts.requests import Request, check_request

        request = Request(text, seconds, seed)
        check_request(request)
        if path.exists():
            raise MoclipError(f"There is a file '{path.name}' already.", hint="Choose another name.", code="name_taken")
        result = self._engine(model).generate([request], progress=lambda *_: None, cancelled=lambda: False)[0]
        save_motion(result.motion, path)
        return {
            "path": str(path), "model": model, "seconds": result.seconds, "frames": result.motion.frames,
            "fps": result.motion.fps, "seed": result.seed, "warnings": list(result.warnings),
        }  # fmt: skip

    def _engine(self, model: str) -> Engine:
        """One model at a time is kept in memory. Only installed ones: a name is no folder of the computer's."""
        if self._loaded is None or self._loaded[0] != model:
            if model != self._model and model not in {known["name"] for known in self.models()}:
                raise MoclipError(f"There is no model '{model:.60}'.", hint="list_models shows which there are.")
            self._loaded = None
            self._loaded = (model, self._load(model))
        return self._loaded[1]


def serve_mcp(folder: Path, model: str, load: Callable[[str], Engine]) -> int:
    """Serve until standard input ends. Raises MoclipError when the package is missing or the folder is none."""
    require("mcp", "mcp")
    if not folder.is_dir():
        raise MoclipError(f"There is no folder '{folder}'.", hint="Make it, or name another.", code="unwritable_file")
    studio = Studio(folder.resolve(), model, load)
    server_module = importlib.import_module("mcp.server")
    tool_error: Any = importlib.import_module("mcp.server.mcpserver.exceptions").ToolError
    # Nothing that is asked for goes into a log.
    server = server_module.MCPServer(
        "moclip", version=moclip.__version__, instructions=_INSTRUCTIONS, log_level="CRITICAL"
    )

    async def list_models() -> dict[str, Any]:
        """List the installed text-to-motion models with their licences."""
        try:
            return {"models": studio.models()}
        except MoclipError as error:
            raise tool_error(str(error)) from error

    async def generate_motion(
        text: str, name: str, seconds: float | None = None, seed: int = 0, format: str = "bvh", model: str | None = None
    ) -> dict[str, Any]:
        """Generate a motion of one person from an English sentence, and save it as a file in the user's folder.

        text: what the person does. name: of the file, without a suffix; files that are there are not written over.
        seconds: its length, 1 to 9.8; leave it out to let the model choose. seed: another one gives another motion.
        format: bvh, npz or npy. model: a name from list_models; leave it out for the default.
        """
        try:
            return await studio.save(text, name, seconds, seed, format, model)
        except MoclipError as error:
            raise tool_error(str(error)) from error

    server.add_tool(list_models)
    server.add_tool(generate_motion)
    server.run("stdio")
    return 0


def load_by_name(runtime: str, device: str) -> Callable[[str], Engine]:
    from moclip.generate.pipeline import TextToMotion

    return partial(_load, TextToMotion.load, runtime, device)


def _load(load: Callable[[str, str, str], Engine], runtime: str, device: str, model: str) -> Engine:
    return load(model, runtime, device)
