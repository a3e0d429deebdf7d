# SPDX-License-Identifier: GPL-3.0-or-later
from backend.liveness import *  # noqa: F403
