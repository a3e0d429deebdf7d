# SPDX-License-Identifier: Apache-2.0
"""Motion files as programs and people write them."""
