# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.skeleton import *  # noqa: F403
