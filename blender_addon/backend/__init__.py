# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as the add-on sees it: its process, the connection, the jobs."""
