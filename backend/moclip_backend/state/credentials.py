# SPDX-License-Identifier: Apache-2.0
"""Who may talk to a backend: the token of a launch, and CURVE keys for other machines.

A keys folder holds `server.json` (the backend's pair), `authorized/NAME.json` (public keys that the backend lets in)
and `NAME.json` (what the client NAME needs; move it to the client's machine). Files with a secret have rights 0600.
"""

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.state.private import private_folder, read_json, read_private, write_private

TOKEN_VARIABLE = "MOCLIP_TOKEN"
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class ServerKeys:
    """Z85 keys of the backend, and the public keys of the clients that it lets in."""

    public: bytes
    secret: bytes
    authorized: frozenset[bytes]


@dataclass(frozen=True)
class ClientKeys:
    """Z85 keys of a client, and the backend's public one."""

    public: bytes
    secret: bytes
    server: bytes


def take_environment_token() -> str | None:
    """The token from the environment, which is then cleared: processes started from here have no business with it."""
    token = os.environ.pop(TOKEN_VARIABLE, None)
    return None if token is None else _checked(token, f"the environment variable {TOKEN_VARIABLE}")


def launch_token(path: Path) -> str:
    """The token in `path`; a random one, written there, when the file is missing or empty."""
    if path.exists() and (text := read_private(path).strip()):
        return _checked(text, f"'{path}'")
    token = secrets.token_urlsafe(32)
    write_private(path, token + "\n", replace=True)
    return token


def read_token(path: Path) -> str:
    return _checked(read_private(path).strip(), f"'{path}'")


def _checked(token: str, where: str) -> str:
    if len(token) < SHORTEST_TOKEN or len(token) > 512 or not token.isascii() or not token.isprintable():
        raise MoclipError(
            f"The token in {where} is not {SHORTEST_TOKEN} to 512 plain characters.",
            hint="Use a random one.",
            code="bad_token",
        )
    return token


def make_keys(folder: Path, client: str) -> Path:
    """Make the backend's keys, unless the folder has them, and those of one client. Returns the client's file.

    Raises MoclipError for a name that is no plain file name, a client that has keys already, and unwritable folders.
    """
    import zmq

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", client) or client == "server":
        raise MoclipError(f"'{client}' cannot name a client.", hint="Use letters, digits, - and _.", code="bad_name")
    private_folder(folder)
    authorized = private_folder(folder / "authorized")
    server_file, client_file = folder / "server.json", folder / f"{client}.json"
    if not server_file.exists():
        public, secret = (key.decode("ascii") for key in zmq.curve_keypair())
        write_private(server_file, json.dumps({"public": public, "secret": secret}) + "\n")
    if client_file.exists() or (authorized / client_file.name).exists():
        raise MoclipError(
            f"The client '{client}' has keys already, in '{folder}'.",
            hint="Use `--client` with another name, or delete its two files.",
            code="name_taken",
        )
    server = _key(read_json(server_file), "public", server_file).decode("ascii")
    public, secret = (key.decode("ascii") for key in zmq.curve_keypair())
    write_private(authorized / client_file.name, json.dumps({"public": public}) + "\n")
    write_private(client_file, json.dumps({"public": public, "secret": secret, "server": server}) + "\n")
    return client_file


def read_server_keys(folder: Path) -> ServerKeys:
    """Raises MoclipError when the folder has no keys, damaged ones, or lets nobody in."""
    path = folder / "server.json"
    if not path.is_file():
        raise MoclipError(
            f"There are no CURVE keys in '{folder}', and a backend for other machines needs them.",
            hint="`moclip keys` makes them; or bind to 127.0.0.1.",
            code="no_keys",
        )
    content = read_json(path)
    clients = {_key(read_json(p), "public", p) for p in sorted((folder / "authorized").glob("*.json"))}
    if not clients:
        raise MoclipError(f"The keys in '{folder}' let no client in.", hint="`moclip keys` adds one.", code="no_keys")
    return ServerKeys(_key(content, "public", path), _key(content, "secret", path), frozenset(clients))


def read_client_keys(path: Path) -> ClientKeys:
    content = read_json(path)
    return ClientKeys(*(_key(content, name, path) for name in ("public", "secret", "server")))


def _key(content: dict[str, Any], name: str, path: Path) -> bytes:
    key = content.get(name)
    if not isinstance(key, str) or len(key) != 40 or not key.isascii():
        raise MoclipError(f"'{path}' is not a key file.", hint="`moclip keys` makes new ones.", code="damaged_file")
    return key.encode("ascii")
