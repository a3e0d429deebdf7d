# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from gaits import walk

from moclip.errors import MoclipError
from moclip.prompts.limits import MAX_CONTEXT_FRAMES
from moclip.prompts.requests import Line
from moclip_backend.server.submit import read_requests

WALK = walk(12)
ARRAYS = {"before_rotations": WALK.rotations, "before_root_translation": WALK.root_translation}


def test_a_script_and_a_context_reach_each_request():
    script = [{"text": "walk", "seconds": 2}, {"text": "bow", "seconds": None}]
    entries = [{"text": "Entrance", "script": script, "seed": 3}, {"text": "kick", "seconds": 1.5}]
    first, second = read_requests({"requests": entries}, ARRAYS, 20.0)
    assert first.script == (Line("walk", 2.0), Line("bow")) and first.text == "Entrance" and first.seed == 3
    assert second.script == () and second.seconds == 1.5
    for request in (first, second):
        assert np.array_equal(request.before.rotations, WALK.rotations) and request.before.fps == 20.0
        assert request.after is None and request.has_context


def _with(**changed) -> dict[str, np.ndarray]:
    return {name: array for name, array in {**ARRAYS, **changed}.items() if array is not None}


@pytest.mark.parametrize(
    ("entry", "arrays"),
    [
        ({"text": "x", "script": []}, {}),
        ({"text": "x", "script": "walk"}, {}),
        ({"text": "x", "script": [{"seconds": 2.0}]}, {}),
        ({"text": "x", "script": [{"text": "walk", "seconds": "2"}]}, {}),
        ({"text": "x", "script": [{"text": "walk"}] * 17}, {}),
        ({"text": "x"}, _with(before_root_translation=None)),
        ({"text": "x"}, _with(before_rotations=None)),
        ({"text": "x"}, _with(before_rotations=WALK.rotations[:5])),
        ({"text": "x"}, _with(before_rotations=WALK.rotations.astype(np.float64))),
        ({"text": "x"}, _with(before_rotations=2 * WALK.rotations)),
        ({"text": "x"}, _with(before_root_translation=WALK.root_translation * np.float32(np.nan))),
        ({"text": "x"}, _with(before_root_translation=WALK.root_translation[0])),
        ({"text": "x"}, {name: array[:0] for name, array in ARRAYS.items()}),
        ({"text": "x"}, {name: np.repeat(array, MAX_CONTEXT_FRAMES, axis=0) for name, array in ARRAYS.items()}),
    ],
)
def test_malformed_scripts_and_contexts_are_refused(entry, arrays):
    with pytest.raises(MoclipError) as caught:
        read_requests({"requests": [entry]}, arrays, 20.0)
    assert caught.value.code == "bad_request"
