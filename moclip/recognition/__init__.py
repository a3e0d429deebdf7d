# SPDX-License-Identifier: Apache-2.0
"""Which action a motion shows, read from the motion alone: whether a generator did what it was asked."""
