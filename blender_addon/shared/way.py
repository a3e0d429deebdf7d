# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.way import *  # noqa: F403
