# SPDX-License-Identifier: Apache-2.0
"""Where the backend keeps what outlives it: its log, the token and address of the one that runs, keys."""

import os
from pathlib import Path

from moclip import folders


def state_folder() -> Path:
    """Log, token and address of a running backend: $MOCLIP_STATE, else the system's folder for such things."""
    named = os.environ.get("MOCLIP_STATE")
    return Path(named) if named else folders.state_folder()


def keys_folder() -> Path:
    """Where `moclip keys` puts CURVE keys unless told otherwise: $MOCLIP_KEYS, else beside the state."""
    return Path(os.environ.get("MOCLIP_KEYS") or state_folder() / "keys")


def serve_file() -> Path:
    """Where a running `moclip serve` says how to reach it."""
    return state_folder() / "serve.json"


def log_file() -> Path:
    return state_folder() / "moclip.log"
