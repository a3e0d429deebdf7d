# SPDX-License-Identifier: GPL-3.0-or-later
from moclip_backend.prompt_table import *  # noqa: F403
