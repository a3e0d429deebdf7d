# SPDX-License-Identifier: Apache-2.0
"""What is made of recordings that does not stand in any: each module makes one kind of thing, from motions alone."""
