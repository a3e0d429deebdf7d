# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python environment of the GPU backend: what fits this machine, how it is made and removed."""
