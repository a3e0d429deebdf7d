# SPDX-License-Identifier: GPL-3.0-or-later
"""One file for each thing that the user can do."""
