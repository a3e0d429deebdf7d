# SPDX-License-Identifier: Apache-2.0
"""Ghosts of takes, without Blender: bones, trails, contacts, and the frame's part of what is drawn."""

import numpy as np
import pytest
from addon_part import addon_module

from moclip.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS

figures, ghosts = addon_module("preview.figure"), addon_module("preview.ghost")
FRAMES, FPS = 40, 20.0


def body(lacking=(), moves=None):
    """A T-pose in Blender's axes that moves by (T, 3); the left foot stands in frames 10 to 20."""
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            rest[joint] = rest[parent] + REST_OFFSETS[joint]
    rest = np.stack([rest[:, 0], -rest[:, 2], rest[:, 1] - rest[:, 1].min()], axis=1)
    moves = np.zeros((FRAMES, 3)) if moves is None else moves
    joints = {n: rest[k] + moves for k, n in enumerate(JOINT_NAMES) if n not in lacking}
    tips = {name: joints[name] + (0.0, -0.1, -0.01) for name in figures.LEAVES}
    stands = np.zeros((FRAMES, 2), dtype=bool)
    stands[10:20, 0] = True
    return figures.Figure(joints, tips, stands, FPS)


def test_every_bone_joins_a_joint_to_the_next_that_the_body_has():
    whole = body()
    assert len(whole.bones) == 21 + 5  # joints but the root, and five ends of limbs
    lacking = body(("spine2", "spine3", "left_collar", "neck"))
    assert len(lacking.bones) == 17 + 5
    ends = [(tuple(a[0]), tuple(b[0])) for a, b in lacking.bones]
    assert (tuple(lacking.joints["spine1"][0]), tuple(lacking.joints["left_shoulder"][0])) in ends
    assert (tuple(lacking.joints["spine1"][0]), tuple(lacking.joints["head"][0])) in ends


def test_a_body_is_as_high_as_its_legs_and_trunk_also_when_it_lies():
    standing = body()
    upright = standing.joints["head"][0, 2] - standing.joints["left_ankle"][0, 2]
    assert standing.height == pytest.approx(upright, rel=0.02)
    lying = figures.Figure(
        *({name: way[:, [2, 1, 0]] for name, way in part.items()} for part in (standing.joints, standing.tips)),
        standing.stands, FPS,
    )  # fmt: skip
    assert lying.height == pytest.approx(standing.height)


def test_its_left_is_level_and_of_length_one():
    figure = body()
    np.testing.assert_allclose(figure.left, [1, 0, 0], atol=0.05)
    assert np.linalg.norm(figure.left) == pytest.approx(1.0) and figure.left[2] == 0.0


def test_a_foot_that_stands_is_marked_where_and_when_it_does():
    moves = np.zeros((FRAMES, 3))
    moves[20:, 0] = np.arange(20) * 0.05  # stands, then goes
    figure = body(moves=moves)
    (contact,) = figure.contacts
    assert (contact.foot, contact.first, contact.last) == ("left_foot", 10, 20)
    toes = figure.joints["left_foot"][15]
    np.testing.assert_allclose(contact.place, [toes[0], toes[1], toes[2] - 0.01], atol=1e-9)  # on the floor under them
    assert figure.planted("left_foot").sum() == 11 and not figure.planted("right_foot").any()


def test_trails_are_of_hips_hands_and_feet_and_planted_pieces_apart():
    lines = ghosts.lines_of(body())
    assert set(lines) == {
        "pelvis", "left_wrist", "right_wrist", "left_foot", "right_foot", "left_foot planted"
    }  # fmt: skip
    assert len(lines["pelvis"]) == 2 * (FRAMES - 1)
    assert len(lines["left_foot planted"]) == 2 * 10 and len(lines["left_foot"]) == 2 * (FRAMES - 1 - 10)


def test_a_frame_is_a_slice_of_the_body_and_lies_on_its_bones():
    moves = np.stack([np.arange(FRAMES) * 0.1, np.zeros(FRAMES), np.zeros(FRAMES)], axis=1)
    ghost = ghosts.ghost_of(body(moves=moves))
    for frame in (0, 17, FRAMES - 1):
        first, count = ghost.triangles_at(frame)
        corners = ghost.body.places[np.unique(ghost.body.triangles[first : first + count])]
        joints = np.stack([way[frame] for way in (*ghost.figure.joints.values(), *ghost.figure.tips.values())])
        np.testing.assert_allclose(corners.max(axis=0), joints.max(axis=0), atol=0.05)
        np.testing.assert_allclose(corners.min(axis=0), joints.min(axis=0), atol=0.05)
    assert first + count == len(ghost.body.triangles)


def test_before_and_after_the_motion_the_ghost_holds_but_no_foot_counts_as_standing():
    ghost = ghosts.ghost_of(body())
    assert ghost.triangles_at(-5) == ghost.triangles_at(0)
    assert ghost.triangles_at(500) == ghost.triangles_at(FRAMES - 1)
    assert ghost.standing_at(15) == [(0, ghost.per_mark)]
    assert ghost.standing_at(9) == ghost.standing_at(21) == ghost.standing_at(-5) == []


def test_solids_are_closed_finite_and_face_outwards():
    """Also of a bone without length and of one along an axis."""
    bones = [(np.zeros((1, 3)), np.array([[0, 0, 1.0]])), (np.ones((1, 3)), np.ones((1, 3)))]
    mesh = ghosts.octahedra(bones, 1.7)
    assert np.isfinite(mesh.places).all() and np.isfinite(mesh.shades).all()
    assert (mesh.shades > 0).all() and (mesh.shades <= 1).all()
    faces = mesh.triangles[:8]
    edges = {(a, b) for face in faces.tolist() for a, b in zip(face, face[1:] + face[:1], strict=True)}
    assert len(edges) == 24 and all((b, a) in edges for a, b in edges)  # every edge once in each direction
    corners = mesh.places[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * (corners.mean(axis=1) - mesh.places[:6].mean(axis=0))).sum(axis=1) > 0).all()


def test_a_body_that_never_stands_has_no_marks():
    figure = body()
    ghost = ghosts.ghost_of(figures.Figure(figure.joints, figure.tips, figure.stands & False, FPS))
    assert len(ghost.marks.places) == 0 and ghost.standing_at(3) == []
    still = figures.Figure(
        *({n: w[:1] for n, w in p.items()} for p in (figure.joints, figure.tips)), figure.stands[:1], FPS
    )
    assert "pelvis" not in ghosts.ghost_of(still).lines  # one frame is no way
