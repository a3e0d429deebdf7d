# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeletons.rig_front import *  # noqa: F403
