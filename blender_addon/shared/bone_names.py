# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeletons.bone_names import *  # noqa: F403
