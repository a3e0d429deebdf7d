# SPDX-License-Identifier: Apache-2.0
"""Times of MoMask's stages beside the plain way and the floor, at small sizes, and what each way calls."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks are PyTorch's")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip_backend.bench import official  # noqa: E402

SIZES = TransformerConfig(codes=20, code_dim=8, quantizers=3, text_dim=12, width=16, layers=1, heads=2, feed_forward=16)
CODEC = RVQConfig(width=8, code_dim=8, codes=20, quantizers=3, depth=1)


def test_every_stage_is_measured_all_three_ways():
    found = official.bench_official(2, 1, SIZES, CODEC, (1, 3))
    assert found["frames"] == 196
    for batch in ("batch 1", "batch 3"):
        assert set(found[batch]) == {"masked", "residual", "decode"}
        for stage in found[batch].values():
            assert set(stage["ms"]) == {"ours", "plain", "floor"} and min(stage["ms"].values()) > 0
            assert stage["ratio_to_floor"] > 0 and stage["ratio_to_plain"] > 0


def test_ways_call_the_networks_as_often_as_they_say(monkeypatch):
    networks = official._Networks(SIZES, CODEC)
    rows: list[int] = []
    for name in ("masked", "residual"):
        forward = getattr(networks, name).forward

        def counted(*given, _forward=forward, **named):
            made = _forward(*given, **named)
            rows.append(len(made))
            return made

        monkeypatch.setattr(getattr(networks, name), "forward", counted)
    called = {}
    for stage, ways in official._ways(networks, SIZES, 2).items():
        for way, act in ways.items():
            rows.clear()
            act()
            called[stage, way] = list(rows)
    assert called["masked", "ours"] == called["masked", "floor"] == [4] * 10
    assert called["masked", "plain"] == [2] * 20 and called["residual", "plain"] == [2] * 4
    assert called["residual", "ours"] == called["residual", "floor"] == [4] * 2
    assert np.all([not called["decode", way] for way in official.WAYS])
