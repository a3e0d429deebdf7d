# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.legs import *  # noqa: F403
