# SPDX-License-Identifier: Apache-2.0
"""Motions that are made to be somewhere at a time: a hand on a rail, a foot on a step, a pose that is given."""
