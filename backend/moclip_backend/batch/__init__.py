# SPDX-License-Identifier: Apache-2.0
"""Many prompts from a file to many motion files, by an engine of this process."""
