# SPDX-License-Identifier: Apache-2.0
"""Measured figures as JSON-ready dictionaries, one module for each part."""
