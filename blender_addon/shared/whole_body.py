# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.motion.whole_body import *  # noqa: F403
