# SPDX-License-Identifier: Apache-2.0
"""How much may be asked for, each limit in one place: the backend tells its clients these, and nobody repeats them."""

LONGEST_PROMPT = 2000
"""Characters."""
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 9.8
SHORTEST_BETWEEN_SECONDS = 0.2
"""Of a motion that continues from another or leads to one: a few frames are enough to get from pose to pose."""
MAX_LINES = 16
"""Of a script."""
LONGEST_SCRIPT_SECONDS = 60.0
MAX_BATCH = 16
"""Requests that are generated together."""
MAX_CONTEXT_FRAMES = 400
"""Of a motion that a request continues from or leads to, where it comes over the wire."""
MAX_PINS, MAX_ANCHORS = 64, 32
"""Pins of hands, feet, head and hips, and whole poses, that a motion meets."""
FARTHEST_PIN = 100.0
"""Metres from the motion's origin."""
