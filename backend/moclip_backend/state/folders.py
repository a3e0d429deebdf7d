# SPDX-License-Identifier: Apache-2.0
"""Where the backend keeps what outlives it: its log, the token and address of the one that runs, keys."""

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """Log, token and address of a running backend: $MOCLIP_STATE, else the platform's folder for such things."""
    if os.environ.get("MOCLIP_STATE"):
        return Path(os.environ["MOCLIP_STATE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "moclip"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "moclip"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "moclip"


def keys_folder() -> Path:
    """Where `moclip keys` puts CURVE keys unless told otherwise: $MOCLIP_KEYS, else beside the state."""
    return Path(os.environ.get("MOCLIP_KEYS") or state_folder() / "keys")


def serve_file() -> Path:
    """Where a running `moclip serve` says how to reach it."""
    return state_folder() / "serve.json"


def log_file() -> Path:
    return state_folder() / "moclip.log"
