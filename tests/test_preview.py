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
    moves = np.zeros((FRAMES, 3))
    moves[:, 0], moves[:, 2] = 0.1 * np.arange(FRAMES), 0.2 * (-1.0) ** np.arange(FRAMES)  # no two pieces in a line
    lines = ghosts.lines_of(body(moves=moves))
    assert set(lines) == {
        "pelvis", "left_wrist", "right_wrist", "left_foot", "right_foot", "left_foot planted"
    }  # fmt: skip
    assert len(lines["pelvis"]) == 2 * (FRAMES - 1)
    assert len(lines["left_foot planted"]) == 2 * 10 and len(lines["left_foot"]) == 2 * (FRAMES - 1 - 10)


def test_a_trail_of_few_lines_is_within_millimetres_of_the_way():
    """Of a straight way one line; of a foot's, those apart in which it stands; of a bend more, where it bends."""
    straight = np.stack([np.arange(FRAMES) * 0.1, np.zeros(FRAMES), np.zeros(FRAMES)], axis=1)
    lines = ghosts.lines_of(body(moves=straight))
    ends = body(moves=straight).joints["pelvis"][[0, -1]]
    np.testing.assert_allclose(lines["pelvis"], ends, atol=1e-6)
    before, to, leave, after = (lines["left_foot"].reshape(-1, 2, 3)[k] for k in range(4))
    feet = body(moves=straight).joints["left_foot"]
    np.testing.assert_allclose([*before, *to], feet[[0, 9, 9, 10]], atol=1e-6)
    np.testing.assert_allclose(lines["left_foot planted"], feet[[10, 20]], atol=1e-6)
    np.testing.assert_allclose([*leave, *after], feet[[20, 21, 21, 39]], atol=1e-6)
    bend = np.arange(FRAMES) / FRAMES
    moves = 0.3 * np.stack([np.sin(4 * bend), np.cos(4 * bend), 0 * bend], axis=1)
    figure = body(moves=moves)
    pieces = ghosts.lines_of(figure)["pelvis"].reshape(-1, 2, 3).astype(float)
    way = figure.joints["pelvis"]
    along, to = pieces[:, 1] - pieces[:, 0], way[:, None] - pieces[:, 0]
    share = np.clip((to * along).sum(-1) / (along * along).sum(-1), 0.0, 1.0)[..., None]
    away = np.linalg.norm(to - share * along, axis=-1).min(axis=1)
    assert 1e-4 < away.max() < 0.0025 * 1.7 and 10 < len(pieces) < 30
    np.testing.assert_allclose(pieces[1:, 0], pieces[:-1, 1], atol=1e-6)  # one joins the next


def test_a_frame_is_a_part_of_the_body_and_lies_on_its_bones():
    """A draw sends the card no more than one frame: of 300 as many bytes as of 2."""
    moves = np.stack([np.arange(FRAMES) * 0.1, np.zeros(FRAMES), np.zeros(FRAMES)], axis=1)
    ghost = ghosts.ghost_of(body(moves=moves))
    thickness = ghosts._THICKEST * ghost.figure.height
    for frame in (0, 17, FRAMES - 1):
        shown = ghost.body_at(frame)
        corners = shown.places[np.unique(shown.triangles)]
        assert len(corners) == len(shown.places) == 6 * len(ghost.figure.bones)
        joints = np.stack([way[frame] for way in (*ghost.figure.joints.values(), *ghost.figure.tips.values())])
        np.testing.assert_allclose(corners.max(axis=0), joints.max(axis=0), atol=thickness)
        np.testing.assert_allclose(corners.min(axis=0), joints.min(axis=0), atol=thickness)
        assert not shown.aside.any() and len(shown.others) == len(shown.colours) == len(corners)


def test_before_and_after_the_motion_the_ghost_holds_but_no_foot_counts_as_standing():
    moves = np.stack([np.arange(FRAMES) * 0.1, np.zeros(FRAMES), np.zeros(FRAMES)], axis=1)
    ghost = ghosts.ghost_of(body(moves=moves))
    first, last, before, after = (ghost.body_at(frame).places for frame in (0, FRAMES - 1, -5, 500))
    assert (first == before).all() and (last == after).all() and (first != last).any()
    ghost = ghosts.ghost_of(body())
    assert ghost.standing_at(15) == [(0, ghost.per_mark)]
    assert ghost.standing_at(9) == ghost.standing_at(21) == ghost.standing_at(-5) == []


def test_a_line_is_a_ribbon_with_a_corner_on_each_side_of_each_end():
    """From either end it lies where it should, though left of the way there is right of the way back."""
    start, end = np.array([1.0, 2.0, 0.0]), np.array([1.0, 5.0, 0.0])
    lines = {"left_foot planted": np.array([start, end]), "pelvis": np.array([end, start, start, start])}
    mesh = ghosts.ribbons(lines)
    assert len(mesh.places) == 3 * 4 and len(mesh.triangles) == 3 * 2
    way = mesh.others[:4] - mesh.places[:4]
    left = np.stack([-way[:, 1], way[:, 0]], axis=1) / np.linalg.norm(way, axis=1)[:, None]
    corners = mesh.places[:4, :2] + left * mesh.aside[:4, :1]
    assert {tuple(corner) for corner in corners.tolist()} == {(-1, 2), (3, 2), (-1, 5), (3, 5)}  # 4 wide
    np.testing.assert_allclose(mesh.aside[:4, 1], 1.0 - corners[:, 0])  # across the whole line, no sign turns round
    edges = corners[mesh.triangles[:2]]
    areas = [
        np.cross(three[1] - three[0], three[2] - three[0]) / 2 for three in np.pad(edges, ((0, 0), (0, 0), (0, 1)))
    ]
    assert {tuple(np.abs(area)) for area in areas} == {(0.0, 0.0, 6.0)}  # two halves of 4 by 3
    assert mesh.triangles[2:].min() == 4 and np.abs(mesh.aside[4:, 0]).max() < 1.0
    assert (mesh.colours[:4] == mesh.colours[0]).all() and (mesh.colours[4] != mesh.colours[0]).any()


def test_solids_are_closed_finite_and_face_outwards():
    """Also of a bone without length and of one along an axis."""
    bones = [(np.zeros((1, 3)), np.array([[0, 0, 1.0]])), (np.ones((1, 3)), np.ones((1, 3)))]
    mesh = ghosts.octahedra(bones, 1.7)
    assert np.isfinite(mesh.places).all() and np.isfinite(mesh.colours).all()
    assert (mesh.colours > 0).all() and (mesh.colours <= 1).all()
    faces = mesh.triangles[:8]
    edges = {(a, b) for face in faces.tolist() for a, b in zip(face, face[1:] + face[:1], strict=True)}
    assert len(edges) == 24 and all((b, a) in edges for a, b in edges)  # every edge once in each direction
    corners = mesh.places[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * (corners.mean(axis=1) - mesh.places[:6].mean(axis=0))).sum(axis=1) > 0).all()


def test_a_body_that_never_stands_has_no_marks():
    figure = body()
    ghost = ghosts.ghost_of(figures.Figure(figure.joints, figure.tips, figure.stands & False, FPS))
    assert len(ghost.marks.places) == len(ghost.marks.triangles) == 0 and ghost.standing_at(3) == []
    still = figures.Figure(
        *({n: w[:1] for n, w in p.items()} for p in (figure.joints, figure.tips)), figure.stands[:1], FPS
    )
    assert len(ghosts.ghost_of(still).trails.triangles) == 0  # one frame is no way
