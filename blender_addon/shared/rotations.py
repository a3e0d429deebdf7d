# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.rotations import *  # noqa: F403
