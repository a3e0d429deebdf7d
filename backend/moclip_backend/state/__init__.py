# SPDX-License-Identifier: Apache-2.0
"""What the backend keeps on this computer: folders, private files, keys, locks, the log."""
