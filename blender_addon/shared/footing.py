# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.footing import *  # noqa: F403
