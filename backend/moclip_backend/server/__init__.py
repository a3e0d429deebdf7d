# SPDX-License-Identifier: Apache-2.0
"""The backend itself, from the bytes of a connection (zmtp, links, listener) to the engine's turn (jobs, server)."""
