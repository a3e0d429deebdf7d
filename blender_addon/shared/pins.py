# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.pins import *  # noqa: F403
