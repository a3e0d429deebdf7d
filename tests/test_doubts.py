# SPDX-License-Identifier: Apache-2.0
"""No wrong joint is used silently: what names, proportions and signs of a front leave doubtful is told."""

import numpy as np
import pytest
from addon_part import addon_module
from bodies import Body, numbered
from test_guess import BODIES, mixamo, right, with_twist_ends

from moclip.skeletons.body_shape import BoneShape

joints = addon_module("rig.joints")
odd = addon_module("rig.oddities")
doubt = addon_module("rig.doubts")


def told(body: Body, bone_of: dict[str, str]) -> list:
    shapes = body.shapes(BoneShape)
    return odd.oddities({bone.name: bone for bone in shapes}, bone_of) or doubts_of(body, bone_of)


def doubts_of(body: Body, bone_of: dict[str, str]) -> list:
    shapes = body.shapes(BoneShape)
    return doubt.doubts({bone.name: bone for bone in shapes}, bone_of, joints.named_joints(shapes))


def rehung(body: Body, bone: str, parent: str) -> Body:
    body.bones[bone] = (parent, *body.bones[bone][1:])
    return body


WRONG_PARENTS = [
    ("left_knee", "right_hip"), ("right_knee", "left_hip"), ("left_ankle", "right_knee"), ("left_elbow", "spine3"),
    ("left_elbow", "right_shoulder"), ("right_shoulder", "left_collar"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_PARENTS)
@pytest.mark.parametrize("kind", ["plain", "with fingers", "with twist ends and goals", "with twist bones"])
def test_a_whole_body_of_names_is_kept_where_its_bones_hang_wrong_and_that_is_told(kind, wrong):
    body = BODIES[kind]()
    names = mixamo(body)
    body = rehung(body, *wrong).renamed(names)
    found = joints.find_joints(body.shapes(BoneShape))
    assert {joint: found[joint] for joint in doubt.LIMB_JOINTS} == {j: names[j] for j in doubt.LIMB_JOINTS}
    assert any(oddity.joint == wrong[0] and "does not hang on" in oddity.what for oddity in told(body, found))


@pytest.mark.parametrize(
    "changed",
    [
        {"left_hip": "left_knee", "left_knee": "left_ankle", "left_ankle": "left_foot"},
        {"left_wrist": "left_elbow", "left_elbow": "left_shoulder", "left_shoulder": "left_collar"},
    ],
)
def test_joints_on_bones_that_are_named_as_others_are_told(changed):
    body = Body()
    names = mixamo(body)
    table = {joint: names[bone] for joint, bone in (right(body) | changed).items()}
    for joint in {"left_foot", "left_collar"} & set(changed.values()):
        del table[joint]
    found = doubts_of(body.renamed(names), table)
    assert {oddity.joint for oddity in found} == set(changed)
    assert all("by its name" in oddity.what and not oddity.grave for oddity in found)


def test_a_joint_on_a_bone_beside_the_one_that_is_named_so_is_told():
    body = BODIES["with twist bones"]()
    names = mixamo(body)
    table = {joint: names[joint] for joint in right(body)} | {"left_knee": "left half hip"}
    found = doubts_of(body.renamed(names), table)
    assert [oddity.joint for oddity in found] == ["left_knee"] and "'mixamorig:LeftLeg'" in found[0].what


def test_sides_that_were_swapped_in_a_table_are_not_against_the_names():
    body = Body().moved(np.diag([-1.0, 1.0, 1.0]))
    names = mixamo(body)
    other = {"left": "right", "right": "left"}
    swapped = {j: names["_".join([other.get(j.split("_")[0], j.split("_")[0]), *j.split("_")[1:]])] for j in names}
    assert told(body.renamed(names), swapped) == []


@pytest.mark.parametrize("kind", sorted(set(BODIES) - {"without toes"}))
@pytest.mark.parametrize("named", [True, False])
def test_right_tables_are_not_told(kind, named):
    body = BODIES[kind]()
    names = mixamo(body) if named else numbered(body)
    table = {joint: names[joint] for joint in right(body)}
    assert told(body.renamed(names), table) == []


@pytest.mark.parametrize(
    ("changed", "joint", "says"),
    [
        ({"ankle": "foot", "foot": None}, "ankle", "passes over"),
        ({"elbow": "half shoulder"}, "elbow", "times as long"),
        ({"knee": "half knee"}, "knee", "times as long"),
        ({"shoulder": "collar", "collar": None, "elbow": "half shoulder"}, "elbow", "passes over"),
        ({"wrist": "half elbow"}, "elbow", "times as long"),
    ],
)
def test_limbs_that_only_a_shape_tells_are_told_where_they_are_unlike_limbs(changed, joint, says):
    body = BODIES["with twist bones"]()
    table = right(body)
    for side in ("left", "right"):
        for j, bone in changed.items():
            table.pop(f"{side}_{j}")
            if bone is not None:
                between = "_" if bone in ("foot", "collar") else " "
                table[f"{side}_{j}"] = f"{side}{between}{bone}"
    names = numbered(body)
    found = told(body.renamed(names), {j: names[bone] for j, bone in table.items()})
    assert any(o.joint == f"left_{joint}" and says in o.what and not o.grave for o in found), found


def test_shoulders_that_lie_where_collars_do_are_told():
    body = Body(down_deg=0.0)
    table = right(body)
    for side, sign in (("left", 1), ("right", -1)):
        parent, head, tail = body.bones[f"{side}_collar"]
        body.bones[f"{side}_collar"] = (parent, head * (0, 1, 1) + (0.02 * sign, 0, 0), tail)
        table[f"{side}_shoulder"] = table.pop(f"{side}_collar")
    names = numbered(body)
    found = told(body.renamed(names), {joint: names[bone] for joint, bone in table.items()})
    assert {o.joint for o in found if "as a collar does" in o.what} == {"left_shoulder", "right_shoulder"}


# -- which side is left ------------------------------------------------------------------------------------------------


def with_toes_at(body: Body, ahead: float, down: float) -> Body:
    for side in ("left", "right"):
        parent, _, _ = body.bones[f"{side}_foot"]
        toes = body.head(f"{side}_ankle") + (0.0, -ahead, -down)
        body.bones[f"{side}_foot"] = (parent, toes, toes + (0.0, -0.05, 0.0))
    return body


def with_knees_ahead(body: Body, far: float) -> Body:
    """As far before the line from the hips to the ankles."""
    for side in ("left", "right"):
        parent, knee, tail = body.bones[f"{side}_knee"]
        hip, ankle = body.head(f"{side}_hip"), body.head(f"{side}_ankle")
        y = hip[1] + (hip[2] - knee[2]) / (hip[2] - ankle[2]) * (ankle[1] - hip[1]) - far
        body.bones[f"{side}_knee"] = (parent, np.array([knee[0], y, knee[2]]), tail)
    return body


@pytest.mark.parametrize("ahead", [0.02, 0.0, -0.02])
def test_knees_tell_the_front_where_toes_lie_below_their_ankles(ahead):
    body = with_knees_ahead(with_toes_at(Body(), ahead, 0.07), 0.05)
    names, wanted = numbered(body), right(body)
    found = joints.find_joints(body.renamed(names).shapes(BoneShape))
    assert found == {joint: names[joint] for joint in wanted}


@pytest.mark.parametrize("ahead", [0.02, -0.005, -0.02])
@pytest.mark.parametrize("knees", [0.0, 0.012])
def test_weak_signs_of_a_front_are_told_where_no_names_tell_the_sides(ahead, knees):
    body = with_knees_ahead(with_toes_at(Body(down_deg=0.0), ahead, 0.07), knees)
    names = numbered(body)
    found = joints.find_joints(body.renamed(names).shapes(BoneShape))
    if ahead > 0.0:
        assert found["left_hip"] == names["left_hip"]
    if found["left_hip"] != names["left_hip"] or ahead < 0.0:
        assert any("weak signs" in oddity.what and not oddity.grave for oddity in told(body, found))


def test_tails_alone_are_weak_signs():
    body = Body(toes=False, down_deg=0.0)
    for name, (parent, head, _) in body.bones.items():
        flat = head * (1, 0, 1)
        body.bones[name] = (parent, flat, flat + ((0, -0.1, -0.02) if name.endswith("ankle") else (0, 0, 0.05)))
    names = numbered(body)
    found = joints.find_joints(body.renamed(names).shapes(BoneShape))
    assert found["left_hip"] == names["left_hip"]
    assert any("weak signs" in oddity.what for oddity in told(body, found))


# -- names once ------------------------------------------------------------------------------------------------------


def test_names_are_read_once_for_a_body_and_what_speaks_against_it(monkeypatch):
    counted = []
    read = joints.match_names
    monkeypatch.setattr(joints, "match_names", lambda *a: counted.append(1) or read(*a))
    joints._matched.cache_clear()
    body = with_twist_ends(Body()).renamed(mixamo(Body()))
    shapes = body.shapes(BoneShape)
    found = joints.find_joints(shapes)
    assert told(body, found) == [] and joints.other_body(shapes, found) is None
    assert len(counted) == 1
