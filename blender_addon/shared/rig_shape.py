# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeletons.rig_shape import *  # noqa: F403
