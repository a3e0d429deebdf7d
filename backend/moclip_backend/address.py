# SPDX-License-Identifier: Apache-2.0
"""A backend's address, as users write it."""

import ipaddress
import re
from contextlib import suppress

from moclip.errors import MoclipError

DEFAULT_BIND = "tcp://127.0.0.1:5578"


def parse_bind(bind: str) -> tuple[str, str, bool]:
    """host, port and whether only this machine can reach it. Raises MoclipError for what is not tcp://HOST:PORT."""
    match = re.fullmatch(r"tcp://(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._*-]+):(\d{1,5}|\*)", bind)
    if not match or (match[2] != "*" and int(match[2]) > 65535):
        raise MoclipError(f"'{bind}' is no address.", hint="Use tcp://127.0.0.1:PORT.", code="bad_address")
    host = "127.0.0.1" if match[1] == "localhost" else match[1]
    with suppress(ValueError):
        return host, match[2], ipaddress.ip_address(host.strip("[]")).is_loopback
    return host, match[2], False
