# SPDX-License-Identifier: Apache-2.0
"""A client of the backend, for the command line, scripts and tests."""
