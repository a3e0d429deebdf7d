# SPDX-License-Identifier: Apache-2.0
"""The mannequin's body: closed, alike on both sides, flat on the floor, each part held by its own bones."""

import numpy as np
import pytest
from addon_part import addon_module

from moclip.motion.skeleton import BONE_LENGTHS, JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS

LEFT = [JOINT_INDEX[name] for name in JOINT_NAMES if name.startswith("left_")]


@pytest.fixture(scope="module")
def body():
    return addon_module("mannequin.body").body()


def edge_counts(faces):
    pairs = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    return np.unique(pairs, axis=0, return_counts=True)


def test_the_surface_is_closed_of_one_piece_and_looks_outwards(body):
    edges, counts = edge_counts(body.faces)
    assert (counts == 2).all()
    assert len(np.unique(body.faces)) == len(body.vertices)
    assert len(body.vertices) - len(edges) + len(body.faces) == 2  # of a sphere: no handle, and nothing apart
    # Every edge is walked once in each direction, so the faces agree on which side is out.
    walked = np.stack([body.faces, np.roll(body.faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    assert len(np.unique(walked, axis=0)) == len(walked)
    thirds = np.concatenate([body.faces[:, [0, 1, 2]], body.faces[:, [0, 2, 3]]])
    a, b, c = np.moveaxis(body.vertices[thirds], 1, 0)
    litres = 1000 * np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert 60 < litres < 95  # a person of 1.86 m
    assert len(body.vertices) < 8000


def test_it_is_alike_on_both_sides(body):
    mirrored = body.vertices * (-1.0, 1.0, 1.0)
    apart = np.linalg.norm(mirrored[:, None, :1] - body.vertices[None, :, :1], axis=-1)
    twin = np.array([
        near[np.linalg.norm(body.vertices[near] - point, axis=-1).argmin()]
        for point, near in ((p, np.flatnonzero(row < 1e-6)) for p, row in zip(mirrored, apart, strict=True))
    ])  # fmt: skip
    assert np.abs(body.vertices[twin] - mirrored).max() < 1e-9
    assert np.abs(body.shares[twin] - body.shares[:, list(MIRROR)]).max() < 1e-6
    assert np.abs(body.joints[list(MIRROR)] * (-1.0, 1.0, 1.0) - body.joints).max() < 1e-6


def test_soles_lie_flat_on_the_floor_and_nothing_below(body):
    height = body.vertices[:, 1]
    assert height.min() == 0.0
    for side in (1, -1):
        sole = body.vertices[(height == 0.0) & (np.sign(body.vertices[:, 0]) == side)]
        ankle, toes = (body.joints[JOINT_INDEX[f"{'left' if side > 0 else 'right'}_{j}"]] for j in ("ankle", "foot"))
        assert len(sole) > 20 and sole[:, 2].min() < ankle[2] - 0.03 and sole[:, 2].max() > toes[2] + 0.04


def test_its_bones_are_as_long_as_the_motions(body):
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            length = np.linalg.norm(body.joints[joint] - body.joints[parent])
            twins = BONE_LENGTHS[[joint, MIRROR[joint]]]
            assert length == pytest.approx(twins.mean(), abs=0.002), JOINT_NAMES[joint]
    assert body.joints[[JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 1] == pytest.approx(0.0, abs=1e-6)


def test_shares_sum_to_one_and_change_softly(body):
    assert body.shares.min() >= 0.0 and np.abs(body.shares.sum(axis=1) - 1.0).max() < 1e-9
    assert (body.shares > 0).sum(axis=1).max() <= 4
    edges, _ = edge_counts(body.faces)
    one, other = edges.T
    length = np.linalg.norm(body.vertices[one] - body.vertices[other], axis=-1)
    steps = np.abs(body.shares[one] - body.shares[other]).max(axis=1)
    assert (steps / np.maximum(length, 0.01)).max() < 40  # from none to all in no less than 2.5 cm


def test_a_limb_holds_its_own_skin_and_none_of_the_others(body):
    right = body.vertices[:, 0] < -0.05  # between the legs both hold a little
    assert body.shares[np.ix_(right, LEFT)].max() < 0.01
    head = body.vertices[:, 1] > body.joints[JOINT_INDEX["head"], 1] + 0.08
    assert body.shares[head, JOINT_INDEX["head"]].min() > 0.99
    for joint, child in (("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("left_shoulder", "left_elbow"),
                         ("left_elbow", "left_wrist")):  # fmt: skip
        middle = (body.joints[JOINT_INDEX[joint]] + body.joints[JOINT_INDEX[child]]) / 2
        along = body.joints[JOINT_INDEX[child]] - middle
        off = body.vertices - middle
        here = (np.abs(off @ along) < 0.02 * np.linalg.norm(along)) & (np.linalg.norm(off, axis=-1) < 0.14)
        here &= body.vertices[:, 0] > 0.02
        assert here.sum() > 6 and body.shares[here, JOINT_INDEX[joint]].min() > 0.9, joint
