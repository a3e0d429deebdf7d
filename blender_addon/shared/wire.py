# SPDX-License-Identifier: GPL-3.0-or-later
from backend.wire import *  # noqa: F403
