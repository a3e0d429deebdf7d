# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.rotations import *  # noqa: F403
