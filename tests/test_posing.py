# SPDX-License-Identifier: Apache-2.0
"""From features to a body on the floor, by what was asked of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from gaits import gesture

from moclip.evaluation.quality import floating
from moclip.generate.familiarity import KnownActions
from moclip.generate.posing import Posing
from moclip.generators.base.passages import Asks
from moclip.motion.features import motion_to_features
from moclip.recognition.config import ActionClass
from moclip.recognition.text_classifier import TextClassifier


@pytest.mark.parametrize(
    ("action", "stays"), [("walk", True), ("jump_over", True), ("leap", True), ("jump_down", False), ("fly", False)]
)
def test_who_hangs_in_the_air_comes_down_unless_that_is_what_was_asked_for(action, stays):
    known = KnownActions((ActionClass(action),), TextClassifier(np.zeros((2, 2)), np.zeros(2)), 0.5)
    plan = SimpleNamespace(passages=[SimpleNamespace(asks=Asks(np.array([1.0, 0.0])))])
    features = motion_to_features(gesture(60, 16, 140)).astype(np.float32)
    features[:, 3] += 0.6  # the root's height
    joints = Posing(SimpleNamespace(local_rotations=False), 20.0, True, known).joints(features, plan)
    assert (floating(joints) < 0.01) == stays and (floating(joints) > 0.4) != stays
