# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.easing import *  # noqa: F403
