# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.stance import *  # noqa: F403
