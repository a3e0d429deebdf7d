# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.motion import *  # noqa: F403
