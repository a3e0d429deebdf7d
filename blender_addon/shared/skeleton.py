# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.skeleton import *  # noqa: F403
