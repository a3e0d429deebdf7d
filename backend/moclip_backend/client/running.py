# SPDX-License-Identifier: Apache-2.0
"""The backend that runs on this computer, or another that is named."""

import os
from pathlib import Path

from moclip.errors import MoclipError
from moclip_backend.client.client import Client
from moclip_backend.liveness import is_gone
from moclip_backend.state.credentials import TOKEN_VARIABLE, ClientKeys, read_token
from moclip_backend.state.folders import serve_file
from moclip_backend.state.private import read_json


def connect_running(
    address: str | None = None, token_file: Path | None = None, keys: ClientKeys | None = None, timeout: float = 5.0
) -> Client:
    """Connect to the backend at `address`, or to the one that `moclip serve` announced on this machine.

    The token comes from MOCLIP_TOKEN, else from `token_file`, else from the announced file. Raises MoclipError.
    """
    announced = read_json(serve_file()) if serve_file().is_file() else {}
    if is_gone(announced.get("process")):
        # Left behind by a backend that was killed.
        announced = {}
    address = address or announced.get("address")
    if not isinstance(address, str):
        raise _none_running()
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and token_file is None and announced.get("address") == address and announced.get("token_file"):
        token_file = Path(announced["token_file"])
        if not token_file.is_file():
            raise _none_running()
    if token is None:
        token = read_token(token_file) if token_file else ""
    return Client(address, token, keys, timeout)


def _none_running() -> MoclipError:
    hint = "`moclip serve` starts one (the one that Blender starts answers Blender only)."
    return MoclipError("No backend is running.", hint=hint, action="start", code="backend_not_running")
