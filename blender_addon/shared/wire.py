# SPDX-License-Identifier: GPL-3.0-or-later
from moclip_backend.wire import *  # noqa: F403
