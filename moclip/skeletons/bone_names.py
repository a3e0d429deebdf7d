# SPDX-License-Identifier: Apache-2.0
"""How the makers of skeletons name their bones: one table for BVH files and for rigs in Blender.

A name is taken apart into its side and its stem (letters and digits in lower case): "mixamorig:LeftUpLeg" is left,
"upleg"; "Bip01 L UpperArm" is left, "bip01upperarm". What stands before and after a family's own words in every stem
("bip01") is found by counting, so that any prefix, namespace and suffix will do.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

BoneT = TypeVar("BoneT")
"""A bone's name or number."""
SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
REQUIRED = (
    "pelvis", "spine1", "head", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
)  # fmt: skip
"""Without these a rig cannot carry a motion; spine2, spine3, neck, collars, toes and hands may be missing."""
_TELLING = (*REQUIRED, "left_wrist", "right_wrist")
"""By which families are told apart."""
CHAINS = (
    ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    *((f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot") for side in ("left", "right")),
    *((f"{side}_collar", f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")),
)
"""Joints that hang on one another, in order."""


@dataclass(frozen=True)
class Family:
    """Stems of one maker's names, without sides. spine: the bones above the pelvis, from below. sided: hip, knee,
    ankle, foot (toes), collar, shoulder, elbow, wrist. `a/b` takes the first that a skeleton has, `-` is none.
    """

    title: str
    pelvis: str
    spine: str
    neck: str
    head: str
    sided: str

    def words(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """(joint, side, stems, best first); bones of the spine are numbered from 0: "spine:0"."""
        yield from (("pelvis", "", _either(self.pelvis)), ("neck", "", _either(self.neck)))
        yield "head", "", _either(self.head)
        for k, level in enumerate(self.spine.split()):
            yield f"spine:{k}", "", _either(level)
        for side in ("left", "right"):
            for joint, stems in zip(SIDED, self.sided.split(), strict=True):
                yield f"{side}_{joint}", side, _either(stems)


def _either(stems: str) -> tuple[str, ...]:
    return tuple(stem for stem in stems.split("/") if stem != "-")


# Of families that know as many names the first wins.
FAMILIES = (
    Family("MoCLIP and SMPL", "pelvis", "spine1 spine2 spine3", "neck", "head",
           "hip knee ankle foot collar shoulder elbow wrist"),
    Family("CMU", "hips", "lowerback spine spine1", "neck1/neck", "head",
           "upleg leg foot toebase shoulder arm forearm hand"),
    Family("Mixamo, LAFAN1, Ready Player Me, Rokoko, Perception Neuron", "hips/hip",
           "spine spine1 spine2 spine3 spine4", "neck", "head",
           "upleg/thigh leg/shin foot toebase/toe/toes shoulder arm/upperarm forearm/lowerarm hand"),
    Family("Unreal and MB-Lab", "pelvis", "spine01 spine02 spine03 spine04 spine05", "neck01/neck", "head",
           "thigh calf foot ball/toes/toe clavicle upperarm lowerarm hand"),
    Family("KayKit", "hips", "spine chest", "neck", "head",
           "upperleg lowerleg foot toes shoulder upperarm lowerarm wrist"),
    Family("VRM, Unity and Bandai-Namco", "hips", "spine chest upperchest", "neck", "head",
           "upperleg lowerleg foot toes/toebase/toe shoulder upperarm lowerarm hand"),
    Family("Quaternius", "body/root", "hips abdomen torso", "neck", "head",
           "upperleg lowerleg foot toes/toe shoulder upperarm lowerarm hand/fist/palm/wrist"),
    Family("Rigify", "spine", "spine001 spine002 spine003", "spine004", "spine006/spine005",
           "thigh shin foot toe shoulder upperarm forearm hand"),
    Family("Rigify's limbs on named spines", "hips/pelvis", "spine spine001 spine002 spine003", "neck", "head",
           "thigh shin foot toe shoulder upperarm forearm hand"),
    Family("MakeHuman", "root", "spine05 spine04 spine03 spine02 spine01", "neck01", "head",
           "upperleg01 lowerleg01 foot toe11 clavicle upperarm01 lowerarm01 wrist"),
    Family("Daz Genesis 3 and 8", "hip", "abdomenlower abdomenupper chestlower chestupper", "necklower", "head",
           "thighbend shin foot toe collar shldrbend forearmbend hand"),
    Family("Daz Genesis 9", "hip", "spine1 spine2 spine3 spine4", "neck1", "head",
           "thigh shin foot toes shoulder upperarm forearm hand"),
    Family("Poser and Daz Genesis", "hip", "abdomen abdomen2 chest", "neck", "head",
           "thigh shin foot toe collar shldr forearm hand"),
    Family("Auto-Rig Pro, exported", "root", "spine01 spine02 spine03", "neck", "head",
           "thighstretch legstretch foot toes01 shoulder armstretch forearmstretch hand"),
    Family("Character Creator", "hip", "waist spine01 spine02", "necktwist01", "head",
           "thigh calf foot toebase clavicle upperarm forearm hand"),
    Family("3ds Max Biped", "pelvis", "spine spine1 spine2 spine3 spine4", "neck/neck1", "head/head1",
           "thigh calf foot toe0 clavicle upperarm forearm hand"),
    Family("Second Life", "pelvis", "torso chest", "neck", "head",
           "hip knee ankle foot collar shoulder elbow wrist"),
    Family("MVN and other BVH", "hips/hip/pelvis", "spine/chest chest1/chest2 chest3 chest4", "neck", "head",
           "hip knee ankle toe/foot/toes collar/clavicle shoulder elbow wrist/hand"),
    Family("Xsens", "pelvis/hips", "l5 l3 t12 t8", "neck", "head",
           "upperleg lowerleg foot toe shoulder upperarm forearm hand"),
    Family("OptiTrack", "hip/hips", "ab spine spine2 spine3 spine4 chest", "neck", "head",
           "thigh shin foot toe shoulder uarm farm hand"),
    Family("Blender Studio", "hips/pelvis", "spine/spine1 spine2 ribcage chest", "neck", "head",
           "thigh/thigh1 knee/knee1/shin/shin1 foot toes/toe shoulder/clavicle upperarm/upperarm1 forearm/forearm1 "
           "wrist/hand"),
    Family("MikuMikuDance", "腰/グルーブ/センター", "上半身 上半身2 上半身3", "首", "頭",
           "足 ひざ 足首 つま先 肩 腕 ひじ 手首"),
    Family("MikuMikuDance in English", "waist/groove/center", "upperbody upperbody2 upperbody3", "neck", "head",
           "leg knee ankle toe/toes/toetip shoulder arm elbow wrist"),
    Family("Advanced Skeleton", "root", "spine1 spine2 chest", "neck", "head",
           "hip knee ankle toes scapula shoulder elbow wrist"),
    Family("Synty", "hips", "spine01 spine02 spine03", "neck", "head",
           "upperleg lowerleg ankle/foot ball/toes clavicle shoulder elbow hand"),
    Family("Azure Kinect", "pelvis", "spinenavel/spinenaval spinechest", "neck", "head",
           "hip knee ankle foot clavicle shoulder elbow wrist"),
    Family("Roblox", "lowertorso", "uppertorso", "neck", "head",
           "upperleg lowerleg foot toe shoulder upperarm lowerarm hand"),
    Family("SOMA", "hips", "spine1 spine2 chest", "neck1", "head",
           "leg shin foot toebase shoulder arm forearm hand"),
    # Words of several makers on one skeleton.
    Family("mixed", "pelvis/hips/hip/waist", "spine/spine0/spine00/abdomen/belly/torso/lowerback "
           "spine1/spine01/spine001/chest spine2/spine02/spine002/upperchest/ribcage", "neck/neck1/neck01",
           "head/head1/head01/skull",
           "thigh/upleg/upperleg/legupper/uleg/thigh01 shin/calf/knee/lowerleg/leglower/lleg/leg/shin01 foot/ankle "
           "toe/toes/toebase/ball/toe01 collar/clavicle/scapula/shoulder upperarm/uparm/armupper/arm/uarm/shldr/"
           "upperarm01 forearm/lowerarm/armlower/elbow/farm/forearm01 hand/wrist/palm/fist"),
    Family("mixed, with shoulders for upper arms", "pelvis/hips/waist", "spine/spine0/torso/abdomen "
           "spine1/spine01/chest spine2/spine02/upperchest", "neck/neck1/neck01", "head/head1/head01",
           "hip/thigh/upleg/upperleg knee/shin/calf/lowerleg/leg ankle/foot toe/toes/toebase/ball/foot "
           "collar/clavicle/scapula shoulder elbow/forearm/lowerarm hand/wrist"),
)  # fmt: skip


@dataclass(frozen=True)
class NameMatch:
    """joints: joint -> bone, in no order. family: whose names they are, "" for none."""

    family: str
    joints: Mapping[str, str]

    @property
    def known(self) -> int:
        """How many of the telling joints are found."""
        return sum(joint in self.joints for joint in _TELLING)


def match_names(names: Collection[str], parents: Mapping[str, str | None] | None = None) -> NameMatch:
    """The family that knows most of the needed names, and then most of all.

    parents: bone -> its parent or None, where known: of readings of the same words the one counts whose joints hang on
    one another ("shoulder" is a collar where an upper arm hangs on it). Joints of less than half of the needed ones are
    no match: its joints are empty.
    """
    best, best_score = NameMatch("", {}), (0.0, 0.0, 0)
    for stems in _readings(names):
        around: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for family in FAMILIES:
            for prefix, suffix, joints in _match(family, stems, around):
                match = NameMatch(family.title, joints)
                broken = 0
                if parents is not None:
                    broken = len(broken_links(joints, parents)) + _collars_for_arms(joints, parents)
                # Layers that deform are what others copy (DEF-), whatever else a rig has of the same names.
                layer = int(prefix.endswith("def")) - int(prefix.endswith(("org", "mch", "ik")) or "ik" in suffix)
                score = (match.known - broken, len(joints) - broken, layer)
                if score > best_score:
                    best, best_score = match, score
    if best.known <= len(_TELLING) // 2:
        return NameMatch("", {})
    return best if parents is None else NameMatch(best.family, _with_numbered_spine(best.joints, parents))


_TRUNK_WORDS = {
    "spine",
    "torso",
    "chest",
    "abdomen",
    "back",
    "trunk",
    "belly",
    "waist",
    "ribs",
    "rib",
    "thorax",
    "body",
}


def _with_numbered_spine(joints: Mapping[str, str], parents: Mapping[str, str | None]) -> Mapping[str, str]:
    """With the bones between pelvis and arms that are numbered in a row: "torso1", "torso2"."""
    on_trunk = [joints.get(joint, "") for joint in ("head", "left_shoulder", "right_shoulder")]
    if "pelvis" not in joints or not all(joints["pelvis"] in ancestors(bone, parents) for bone in on_trunk):
        return joints
    path = ancestors(on_trunk[0], parents)
    path = path[: path.index(joints["pelvis"])]
    trunk = [b for b in path if all(b in ancestors(bone, parents) for bone in on_trunk)][::-1]
    spine = [joints[joint] for joint in ("spine1", "spine2", "spine3") if joint in joints]
    if any(bone not in trunk for bone in spine):
        return joints
    rows: dict[str, list[str]] = defaultdict(list)
    for bone in trunk:
        words = [word for word in words_of(bone) if word in _TRUNK_WORDS]
        if len(words) == 1 and re.search(r"\d", bone) and not {"twist", "roll"} & words_of(bone):
            rows[words[0]].append(bone)
    numbered = {bone for row in rows.values() if len(row) > 1 for bone in row} - set(joints.values())
    if not numbered:
        return joints
    named = {joint: bone for joint, bone in joints.items() if joint not in ("spine1", "spine2", "spine3")}
    whole = three_of([bone for bone in trunk if bone in numbered or bone in spine])
    return named | {f"spine{k}": bone for k, bone in enumerate(whole, 1)}


def broken_links(joints: Mapping[str, str], parents: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """(joint, the joint that it should hang on) where its bone does not."""
    broken = []
    for chain in CHAINS:
        present = [joint for joint in chain if joint in joints]
        if chain[0] != "pelvis" and "pelvis" in joints:
            present.insert(0, "pelvis")
        for above, joint in zip(present, present[1:], strict=False):
            if joints[above] not in ancestors(joints[joint], parents):
                broken.append((joint, above))
    return broken


def _collars_for_arms(joints: Mapping[str, str], parents: Mapping[str, str | None]) -> int:
    """How many shoulders are taken for upper arms though there is another bone between them and the forearms."""
    count = 0
    for side in ("left", "right"):
        shoulder, elbow = (joints.get(f"{side}_{joint}", "") for joint in ("shoulder", "elbow"))
        if f"{side}_collar" in joints or "shoulder" not in shoulder.lower():
            continue
        above = ancestors(elbow, parents)
        between = above[: above.index(shoulder)] if shoulder in above else []
        count += any(not {"twist", "roll"} & words_of(bone) for bone in between)
    return count


def ancestors(bone: str, parents: Mapping[str, str | None]) -> list[str]:
    """From the parent up."""
    found = []
    above = parents.get(bone)
    while above is not None and above not in found:
        found.append(above)
        above = parents.get(above)
    return found


_Stems = dict[tuple[str, str], str]
"""(side, stem) -> the bone that is called so."""


def _match(
    family: Family, stems: _Stems, around: dict[tuple[str, str], list[tuple[str, str]]]
) -> list[tuple[str, str, dict[str, str]]]:
    """(prefix, suffix, joint -> bone) for what may stand around the family's words, the likeliest three.

    around: (side, word) -> what stands before and after it in stems; kept for the next families.
    """
    rows = list(family.words())
    votes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for joint, side, words in rows:
        for word in words:
            if (side, word) not in around:
                holding = [stem for its_side, stem in stems if its_side == side and word in stem]
                around[side, word] = [(stem.rpartition(word)[0], stem.rpartition(word)[2]) for stem in holding]
            for place in around[side, word]:
                votes[place].add(joint)
    likely = sorted(votes, key=lambda place: (-len(votes[place]), len(place[0]) + len(place[1]), place))[:3]
    found = []
    for prefix, suffix in likely:
        joints: dict[str, str] = {}
        for joint, side, words in rows:
            bones = (stems.get((side, prefix + word + suffix)) for word in words)
            if bone := next((b for b in bones if b and b not in joints.values()), None):
                joints[joint] = bone
        found.append((prefix, suffix, _with_spine(joints)))
    return found


def _with_spine(joints: Mapping[str, str]) -> dict[str, str]:
    """The numbered bones of the spine as spine1 to spine3."""
    spine = [joints[joint] for joint in sorted(joints) if joint.startswith("spine:")]
    named = {joint: bone for joint, bone in joints.items() if not joint.startswith("spine:")}
    return named | {f"spine{k}": bone for k, bone in enumerate(three_of(spine), 1)}


def three_of(spine: list[BoneT]) -> list[BoneT]:
    """Of the bones of a spine, from below, those that follow spine1, spine2 and spine3."""
    return spine if len(spine) <= 3 else [spine[0], spine[(len(spine) - 1) // 2], spine[-1]]


def _readings(names: Collection[str]) -> list[_Stems]:
    """The names as they are, and without numbers at their ends where nearly all have one, as some exporters add."""
    readings = [list(names)]
    cut = [re.sub(r"[_.]\d+$", "", name) for name in names]
    if sum(a != b for a, b in zip(names, cut, strict=True)) > 0.8 * len(names):
        readings.append(cut)
    found = []
    for reading in readings:
        stems: _Stems = {}
        for preference in range(2):  # what is sure goes before what may be
            for bone, name in zip(names, reading, strict=True):
                for side, stem in read_name(name)[preference]:
                    stems.setdefault((side, stem), bone)
        found.append(stems)
    return found


_SIDES = {
    **dict.fromkeys(("l", "left", "lft", "izq", "izquierda", "izquierdo", "gauche", "links", "sinistra",
                     "esquerda", "esquerdo", "左"), "left"),
    **dict.fromkeys(("r", "right", "rgt", "der", "derecha", "derecho", "droite", "droit", "rechts", "destra",
                     "direita", "direito", "右"), "right"),
}  # fmt: skip
_CENTRES = ("c", "m", "x", "mid", "center", "centre")
_TOKEN = re.compile(r"左|右|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_左右]+")


def read_name(name: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """A bone's name as (side, stem): the readings that are sure and those that may be. The side is "" for the middle.

    "Character1:LeftUpLeg" is ("left", "upleg"); of "lfoot" ("left", "foot") may be.
    """
    # Only some scripts' forms: a full-width or half-width letter is the same letter.
    plain = unicodedata.normalize("NFKC", re.split(r"[:|]", name)[-1])
    words = _TOKEN.findall(plain)
    tokens = [word.lower() for word in words]
    sure, perhaps = [], []

    def without(k: int, rest: str = "") -> str:
        return "".join([*tokens[:k], rest, *tokens[k + 1 :]])

    for k, token in enumerate(tokens):
        if token in _SIDES and len(tokens) > 1:
            sure.append((_SIDES[token], without(k)))
        elif token in _CENTRES and len(tokens) > 1:
            perhaps.append(("", without(k)))
        else:
            perhaps += [(side, without(k, rest)) for side, rest in _glued(words[k])]
    (perhaps if sure else sure).append(("", "".join(tokens)))
    # Two marks of the middle or a side and the middle: "J_Bip_C_Hips" has one, "Root_M.x" two.
    return sure, perhaps


def _glued(word: str) -> Iterator[tuple[str, str]]:
    """(side, the rest) of a word that its side is written to: "leftarm", "LUArm", "lthigh", "thighl"."""
    token = word.lower()
    if token in ("lf", "rt"):
        yield _SIDES[token[0]], ""
    for mark in ("left", "right"):
        if mark in token and token != mark:
            before, _, after = token.rpartition(mark)
            yield mark, before + after
    if len(token) > 2 or word.isupper() and len(token) == 2:
        if token[0] in "lr":
            yield _SIDES[token[0]], token[1:]
        if token[-1] in "lr":
            yield _SIDES[token[-1]], token[:-1]


def words_of(name: str) -> set[str]:
    """The words of a name, in lower case."""
    return {word.lower() for word in _TOKEN.findall(unicodedata.normalize("NFKC", name))}
