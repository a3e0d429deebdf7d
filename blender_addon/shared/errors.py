# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.errors import *  # noqa: F403
