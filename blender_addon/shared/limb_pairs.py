# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeletons.limb_pairs import *  # noqa: F403
