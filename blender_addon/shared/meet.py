# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.meet import *  # noqa: F403
