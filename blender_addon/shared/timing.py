# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.timing import *  # noqa: F403
