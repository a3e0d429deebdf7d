# SPDX-License-Identifier: Apache-2.0
"""Batches spread over the processes and computers of a Ray cluster (the extra `ray`)."""
