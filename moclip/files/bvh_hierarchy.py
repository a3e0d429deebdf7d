# SPDX-License-Identifier: Apache-2.0
"""The HIERARCHY part of a BVH file's text: joints, what they hang on, and what moves in them."""

import re
from dataclasses import dataclass, field

import numpy as np

from moclip.files.bvh_lines import LARGEST, Lines

_STATEMENT = re.compile(
    r"\b(?P<joint>ROOT|JOINT)\b[ \t]*:?(?P<name>[^\n{]*)"
    r"|\b(?P<end>END[ \t_]*(?:SITE|EFFECTOR)?)\b[^\n{]*"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|\b(?P<words>OFFSET|CHANNELS)\b(?P<list>[^{}]*?)"
    r"(?=\b(?:JOINT|END(?:[ \t_]*SITE)?|OFFSET|ROOT|CHANNELS)\b|[{}]|\Z)",
    re.I,
)
_CHANNEL = re.compile(r"([xyz])[_-]?(pos(?:ition)?|trans(?:lation)?|rot(?:ation)?|scale)", re.I)
_KINDS = {"p": "position", "t": "position", "r": "rotation", "s": "scale"}


@dataclass
class Hierarchy:
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[np.ndarray | None] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)
    ends: dict[int, np.ndarray] = field(default_factory=dict)


def read_hierarchy(lines: Lines, head: str, notes: list[str]) -> Hierarchy:
    result = Hierarchy()
    open_joints: list[int] = []
    in_end = 0
    for found in _STATEMENT.finditer(head):
        place = found.start()
        if found["joint"]:
            if found["joint"].upper() == "JOINT" and not open_joints:
                raise lines.damaged(place, "has a JOINT outside of a ROOT's braces")
            result.parents.append(open_joints[-1] if open_joints else -1)
            result.names.append(" ".join(found["name"].strip().strip("\"'").split()) or f"joint {len(result.names)}")
            result.channels.append([])
            result.offsets.append(None)
        elif found["end"]:
            in_end = 1
        elif found["open"]:
            if not result.names or in_end and not open_joints:
                raise lines.damaged(place, "opens a brace before there is a joint")
            in_end = 2 if in_end else 0
            open_joints.append(open_joints[-1] if in_end else len(result.names) - 1)
        elif found["close"]:
            if not open_joints:
                raise lines.damaged(place, "closes a brace that was not opened")
            open_joints.pop()
            in_end = 0
        elif not result.names:
            raise lines.damaged(place, "comes before the first joint")
        elif found["words"].upper() == "OFFSET":
            offset = _three(lines, place, found["list"])
            if in_end:
                result.ends[open_joints[-1] if open_joints else len(result.names) - 1] = offset
            else:
                result.offsets[-1] = offset
        else:
            result.channels[-1] = _channels(lines, place, found["list"], notes)
    if open_joints:
        raise lines.damaged(len(head.rstrip()), f"ends the part, and {len(open_joints)} braces are still open")
    missing = [name for name, offset in zip(result.names, result.offsets, strict=True) if offset is None]
    if missing:
        raise lines.damaged(0, f"and those after it give no OFFSET for the joint {missing[0]}")
    return result


def _three(lines: Lines, place: int, words: str) -> np.ndarray:
    try:
        offset = np.array([float(word) for word in words.split()[:3]])
    except ValueError:
        offset = np.empty(0)
    if len(offset) != 3 or not (np.abs(offset) < LARGEST).all():
        raise lines.damaged(place, f"does not have three numbers after OFFSET ('{' '.join(words.split())}')")
    return offset


def _channels(lines: Lines, place: int, words: str, notes: list[str]) -> list[str]:
    count, *listed = words.split() or [""]
    if not count.isdigit():
        count, listed = str(len(words.split())), words.split()
    found = [_CHANNEL.fullmatch(word) for word in listed]
    for word, match in zip(listed, found, strict=True):
        if match is None:
            raise lines.damaged(place, f"has the channel '{word}', which is neither a position nor a rotation")
    if len(listed) != int(count):
        notes.append(f"Line {lines.at(place)} promises {count} channels and lists {len(listed)}; those are read.")
    return [match[1].upper() + _KINDS[match[2][0].lower()] for match in found if match]
