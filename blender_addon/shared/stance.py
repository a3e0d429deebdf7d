# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.stance import *  # noqa: F403
