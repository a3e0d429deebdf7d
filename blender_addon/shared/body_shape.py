# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeletons.body_shape import *  # noqa: F403
