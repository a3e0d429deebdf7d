# SPDX-License-Identifier: Apache-2.0
"""What a motion shows, told by kinematics: a rule for each action, and measures that rules are made of."""
