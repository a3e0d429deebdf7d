# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.footing import *  # noqa: F403
