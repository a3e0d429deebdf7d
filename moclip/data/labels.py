# SPDX-License-Identifier: Apache-2.0
"""What a clip shows: its action, style and side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionLabel:
    """action: a canonical name. style: None for a normal one. side: "left", "right", "both", or None when it has none."""

    action: str
    style: str | None
    side: str | None
