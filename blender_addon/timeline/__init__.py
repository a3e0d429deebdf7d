# SPDX-License-Identifier: GPL-3.0-or-later
"""The script as bars in the Dope Sheet and the Timeline."""
