# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.feet import *  # noqa: F403
