# SPDX-License-Identifier: Apache-2.0
"""KIT-ML's numbers against their definition: features of 21 joints, and the codes of a network of 251 features."""

import numpy as np
import pytest

from moclip.motion import features as ft

ndimage = pytest.importorskip("scipy.ndimage", reason="the smoothing is scipy's")

CHAINS = ((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10))


def moving(frames: int = 60) -> np.ndarray:
    """(T, 21, 3) millimetres: a body of KIT's bones, each wobbling, that walks and turns."""
    rng, time = np.random.default_rng(2), np.arange(frames)
    base = np.zeros((21, 3))
    for chain in CHAINS:
        for parent, child in zip(chain[:-1], chain[1:], strict=True):
            base[child] = base[parent] + 180 * ft.KIT.raw_offsets[child] + rng.normal(0, 15, 3)
    joints = base + 25 * np.sin(time[:, None, None] * 0.2 + rng.uniform(0, 6, (21, 3)))
    turn = 0.015 * time + 0.4
    joints = np.stack([turned(j, a) for j, a in zip(joints, turn, strict=True)])
    return joints + np.stack([30 * time, 900 + 0 * time, 12 * time], axis=1)[:, None]


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """About +Y, from +Z towards +X."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def least_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix of the shortest rotation between two directions, by Rodrigues' formula."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    x, y, z = np.cross(a, b)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + k + k @ k / (1 + a @ b)


def by_definition(joints: np.ndarray) -> np.ndarray:
    """Rows of 251 numbers, frame by frame, with matrices and angles in place of quaternions."""
    joints = joints - [joints[0, 0, 0], joints[..., 1].min(), joints[0, 0, 2]]
    r_hip, l_hip, r_shoulder, l_shoulder = joints[0, [11, 16, 5, 8]]
    ahead = np.cross([0, 1, 0], r_hip - l_hip + r_shoulder - l_shoulder)
    joints = turned(joints, -np.arctan2(ahead[0], ahead[2]))
    # The heading has the hips the wrong way round, as the published numbers do.
    across = joints[:, 16] - joints[:, 11] + joints[:, 5] - joints[:, 8]
    forward = np.cross([0, 1, 0], across / np.linalg.norm(across, axis=1, keepdims=True))
    forward = ndimage.gaussian_filter1d(forward, 20, axis=0, mode="nearest")
    angles = -np.arctan2(forward[:, 0], forward[:, 2])
    angles[0] = 0
    rows = []
    for t in range(len(joints) - 1):
        now, moved = joints[t], joints[t + 1] - joints[t]
        step = turned(moved[0], angles[t + 1])
        own = turned(now - [now[0, 0], 0, now[0, 2]], angles[t])
        six = np.zeros((21, 6))
        for chain in CHAINS:
            world = turned(np.eye(3), angles[t]).T
            for parent, child in zip(chain[:-1], chain[1:], strict=True):
                local = world.T @ least_turn(ft.KIT.raw_offsets[child], now[child] - now[parent])
                six[child], world = np.concatenate([local[:, 0], local[:, 1]]), world @ local
        rests = [(moved[j] ** 2).sum() < 0.05 for j in (19, 20, 14, 15)]
        yaw = np.arcsin(np.sin((angles[t + 1] - angles[t]) / 2))
        speeds = turned(moved, angles[t])
        root = [yaw, step[0], step[2], now[0, 1]]
        rows.append(np.concatenate([root, own[1:].ravel(), six[1:].ravel(), speeds.ravel(), rests]))
    return np.array(rows)


def test_features_of_kit_are_those_of_their_definition():
    joints = moving()
    joints[30:33, [19, 20]] = joints[30, [19, 20]]  # a foot that rests
    found, expected = ft.joints_to_features(joints, ft.KIT), by_definition(joints)
    assert found.shape == expected.shape == (59, 251)
    assert expected[:, 247:].any() and not expected[:, 247:].all()
    for name, block in ft.KIT.blocks.items():
        scale = max(1.0, np.abs(expected[:, block]).max())
        assert np.abs(found[:, block] - expected[:, block]).max() < 1e-5 * scale, name


def test_joints_come_back_from_features_of_kit():
    joints = moving()
    back = ft.features_to_joints(ft.joints_to_features(joints, ft.KIT))
    assert back.shape == (59, 21, 3)
    apart = np.linalg.norm(joints[:-1, :, None] - joints[:-1, None], axis=-1)
    assert np.abs(np.linalg.norm(back[:, :, None] - back[:, None], axis=-1) - apart).max() < 0.01
    far, came = (np.linalg.norm(j[:59, 0] - j[0, 0], axis=-1) for j in (joints, back))
    assert np.abs(far - came).max() < 0.05


def test_codes_of_kit_are_those_of_the_released_networks(tmp_path):
    pytest.importorskip("torch", reason="checkpoints are torch's")
    from official_folder import CODES, LAYERS_OF_CODES, rvq_shapes, weights, write_momask
    from test_released import imported

    from moclip.runtimes.torch_runtime import TorchRuntime

    state = {name: tensor.numpy().astype(np.float64) for name, tensor in weights(rvq_shapes(251)).items()}
    runtime = TorchRuntime(imported(write_momask(tmp_path / "kit", "kit"), tmp_path / "out"), "cpu")
    rng = np.random.default_rng(0)
    features = rng.normal(0.25, 0.5, (1, 24, 251)).astype(np.float32)
    latent = encoded(state, (features[0].astype(np.float64) - 0.25) / 0.5)
    expected = []
    for layer in range(LAYERS_OF_CODES):
        table = state[f"quantizer.layers.{layer}.codebook"]
        nearest = ((latent[:, None] - table[None]) ** 2).sum(-1).argmin(1)
        expected.append(nearest)
        latent = latent - table[nearest]
    assert np.array_equal(runtime.call("encode", features=features)[0], np.stack(expected, axis=1))
    codes = rng.integers(0, CODES, (1, 6, LAYERS_OF_CODES))
    told = decoded(state, sum(state[f"quantizer.layers.{q}.codebook"][codes[0, :, q]] for q in range(LAYERS_OF_CODES)))
    found = runtime.call("decode", codes=codes)[0]
    assert found.shape == (24, 251) and np.abs(found - (told * 0.5 + 0.25)).max() < 1e-4 * np.abs(told).max()


def convolved(state, name: str, x: np.ndarray, stride: int = 1, padding: int = 1, dilation: int = 1) -> np.ndarray:
    """(T, C) -> (T', C'), a frame at a time."""
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    padded = np.pad(x, ((padding, padding), (0, 0)))
    span = (weight.shape[2] - 1) * dilation + 1
    starts = range(0, len(padded) - span + 1, stride)
    return np.stack([np.einsum("ock,kc->o", weight, padded[s : s + span : dilation]) + bias for s in starts])


def stack(state, name: str, x: np.ndarray) -> np.ndarray:
    """Two blocks, of dilation 3 and then 1."""
    for block, dilation in enumerate((3, 1)):
        inner = convolved(state, f"{name}.model.{block}.conv1", np.maximum(x, 0), padding=dilation, dilation=dilation)
        x = x + convolved(state, f"{name}.model.{block}.conv2", np.maximum(inner, 0), padding=0)
    return x


def encoded(state, x: np.ndarray) -> np.ndarray:
    x = np.maximum(convolved(state, "encoder.model.0", x), 0)
    for k in (2, 3):
        x = stack(state, f"encoder.model.{k}.1", convolved(state, f"encoder.model.{k}.0", x, stride=2))
    return convolved(state, "encoder.model.4", x)


def decoded(state, x: np.ndarray) -> np.ndarray:
    x = np.maximum(convolved(state, "decoder.model.0", x), 0)
    for k in (2, 3):
        x = convolved(state, f"decoder.model.{k}.2", np.repeat(stack(state, f"decoder.model.{k}.0", x), 2, axis=0))
    return convolved(state, "decoder.model.6", np.maximum(convolved(state, "decoder.model.4", x), 0))
