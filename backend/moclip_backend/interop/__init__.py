# SPDX-License-Identifier: Apache-2.0
"""Our models for programs that speak other protocols than ours."""
