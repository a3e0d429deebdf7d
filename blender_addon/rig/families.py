# SPDX-License-Identifier: GPL-3.0-or-later
"""How the makers of rigs name their bones: joint by joint, family by family.

Names are compared in lower case, without a namespace ("Character1:Hips") and without the family's own prefixes; spaces
count as underscores.
"""

from collections.abc import Collection
from dataclasses import dataclass

_CENTRE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Family:
    """centre: pelvis, spine1, spine2, spine3, neck, head. sided: hip, knee, ankle, foot (toes), collar, shoulder,
    elbow, wrist, with {side} (left) or {s} (l). `a/b` takes the first that the rig has.
    prefixes: what may stand before every name, most specific first.
    """

    title: str
    centre: str
    sided: str
    prefixes: tuple[str, ...] = ("",)

    def names(self) -> dict[str, tuple[str, ...]]:
        """Joint -> the names that its bone may have, in lower case without prefix, best first."""
        table = dict(zip(_CENTRE, self.centre.split(), strict=True))
        for side in ("left", "right"):
            for joint, names in zip(_SIDED, self.sided.split(), strict=True):
                table[f"{side}_{joint}"] = names.format(side=side, s=side[0])
        return {joint: tuple(name.lower() for name in names.split("/")) for joint, names in table.items()}

    def match(self, bones: Collection[str]) -> dict[str, str]:
        """Joint -> bone for the joints that are found among the rig's bone names, with the prefix that fits best."""
        best: dict[str, str] = {}
        for prefix in self.prefixes:
            plain: dict[str, str] = {}
            for bone in sorted(bones):
                name = bone.rpartition(":")[2].lower().replace(" ", "_")
                if name.startswith(prefix):
                    plain.setdefault(name[len(prefix) :], bone)
            found = {
                joint: next(plain[name] for name in names if name in plain)
                for joint, names in self.names().items()
                if any(name in plain for name in names)
            }
            if len(found) > len(best):
                best = found
        return best


FAMILIES = (
    Family(
        "MoCLIP and SMPL-X",
        "pelvis spine1 spine2 spine3 neck head",
        "{side}_hip {side}_knee {side}_ankle {side}_foot {side}_collar {side}_shoulder {side}_elbow {side}_wrist",
    ),
    Family(
        "SMPL",
        "pelvis spine1 spine2 spine3 neck head",
        "{s}_hip {s}_knee {s}_ankle {s}_foot {s}_collar {s}_shoulder {s}_elbow {s}_wrist",
        ("m_avg_", "f_avg_", ""),
    ),
    Family(
        "CMU",  # before Mixamo, which has no lower back
        "hips lowerback spine spine1 neck/neck1 head",
        "{side}upleg {side}leg {side}foot {side}toebase {side}shoulder {side}arm {side}forearm {side}hand",
    ),
    Family(
        "Mixamo and BVH",
        "hips spine spine1 spine2 neck head",
        "{side}upleg/{side}thigh {side}leg/{side}shin {side}foot {side}toebase/{side}toe {side}shoulder "
        "{side}arm/{side}upperarm {side}forearm/{side}lowerarm {side}hand",
        ("mixamorig_", "mixamorig1_", "character1_", ""),
    ),
    Family(
        "Unreal 5 mannequin",  # before its elder, whose names it has as well
        "pelvis spine_01 spine_03 spine_05 neck_01 head",
        "thigh_{s} calf_{s} foot_{s} ball_{s} clavicle_{s} upperarm_{s} lowerarm_{s} hand_{s}",
    ),
    Family(
        "Unreal 4 mannequin",
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh_{s} calf_{s} foot_{s} ball_{s} clavicle_{s} upperarm_{s} lowerarm_{s} hand_{s}",
    ),
    Family(
        "VRM",
        "hips spine chest upperchest neck head",
        "{side}upperleg {side}lowerleg {side}foot {side}toes {side}shoulder {side}upperarm {side}lowerarm {side}hand",
    ),
    Family(
        "VRoid",
        "c_hips c_spine c_chest c_upperchest c_neck c_head",
        "{s}_upperleg {s}_lowerleg {s}_foot {s}_toebase {s}_shoulder {s}_upperarm {s}_lowerarm {s}_hand",
        ("j_bip_",),
    ),
    Family(
        "Rigify metarig",
        "spine spine.001 spine.002 spine.003 spine.004 spine.006/spine.005",
        "thigh.{s} shin.{s} foot.{s} toe.{s} shoulder.{s} upper_arm.{s} forearm.{s} hand.{s}",
        ("", "def-"),
    ),
    Family(
        "MakeHuman",
        "root spine05 spine03 spine01 neck01 head",
        "upperleg01.{s} lowerleg01.{s} foot.{s} toe1-1.{s} clavicle.{s} upperarm01.{s} lowerarm01.{s} wrist.{s}",
    ),
    Family(
        "Daz Genesis 3 and 8",
        "hip abdomenlower abdomenupper/chestlower chestupper/chestlower necklower head",
        "{s}thighbend {s}shin {s}foot {s}toe {s}collar {s}shldrbend {s}forearmbend {s}hand",
    ),
    Family(
        "Daz Genesis 9",
        "hip spine1 spine2 spine4/spine3 neck1 head",
        "{s}_thigh {s}_shin {s}_foot {s}_toes {s}_shoulder {s}_upperarm {s}_forearm {s}_hand",
    ),
    Family(
        "Auto-Rig Pro, exported",
        "root.x spine_01.x spine_02.x spine_03.x neck.x head.x",
        "thigh_stretch.{s} leg_stretch.{s} foot.{s} toes_01.{s} shoulder.{s} arm_stretch.{s} forearm_stretch.{s} "
        "hand.{s}",
    ),
    Family(
        "Character Creator",
        "hip waist spine01 spine02 necktwist01 head",
        "{s}_thigh {s}_calf {s}_foot {s}_toebase {s}_clavicle {s}_upperarm {s}_forearm {s}_hand",
        ("cc_base_",),
    ),
    Family(
        "3ds Max Biped",
        "pelvis spine spine1 spine2 neck head",
        "{s}_thigh {s}_calf {s}_foot {s}_toe0 {s}_clavicle {s}_upperarm {s}_forearm {s}_hand",
        ("bip01_", "bip001_"),
    ),
)
