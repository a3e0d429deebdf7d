# SPDX-License-Identifier: GPL-3.0-or-later
from backend.prompt_table import *  # noqa: F403
