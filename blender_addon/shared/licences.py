# SPDX-License-Identifier: GPL-3.0-or-later
from moclip.licences import *  # noqa: F403
