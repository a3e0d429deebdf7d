# SPDX-License-Identifier: Apache-2.0
"""A `Motion` drawn as a stick figure, with Pillow alone.

At twice the size and then reduced, which smooths the edges. The left side of the body is orange, the right side blue;
the dark line on the ground is the way of the pelvis. The camera looks at the front of the first pose from the side and
goes along with the body; the ground grid has a line every half metre.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moclip.files.pictures import INK, PAPER
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_OVERSAMPLING = 2
_GRID, _SHADOW = (222, 224, 222), (205, 207, 208)
_TRAIL = (120, 124, 130)
_LEFT, _RIGHT, _MIDDLE = (226, 104, 32), (38, 110, 180), (84, 88, 96)
_GRID_STEP, _GRID_RADIUS = 0.5, 3.0

_CAMERA_DISTANCE, _CAMERA_PITCH_DEG, _CAMERA_YAW_DEG = 7.0, 14.0, 38.0
_FOLLOW_SECONDS = 0.7
_HEAD_RADIUS = 0.10
_THICKNESS = {**dict.fromkeys((4, 5), 0.075), **dict.fromkeys((7, 8), 0.062), **dict.fromkeys((3, 6, 9), 0.085)}


def draw_frames(motion: Motion, frames: np.ndarray, size: tuple[int, int]) -> Iterator["Image.Image"]:
    """One RGB picture of `size` (width, height) for each frame number, all seen by the same travelling camera."""
    scene = _Scene.of(motion, size)
    for frame in frames:
        yield scene.draw(int(frame))


def palette() -> list[int]:
    """The colours of the drawing and their mixtures, which is what smoothed edges are made of."""
    colours = np.array([PAPER, _GRID, _SHADOW, _TRAIL, INK, _LEFT, _RIGHT, _MIDDLE], dtype=np.float64)
    mixtures = [
        np.round(a + (b - a) * share)
        for k, a in enumerate(colours)
        for b in colours[k:]
        for share in ((0.0,) if a is b else (0.25, 0.5, 0.75))
    ]
    # Without the duplicates of `a is b` this is 8 + 28 * 3 = 92 colours.
    levels: list[int] = np.concatenate(mixtures).astype(int).tolist()
    return levels


@dataclass(frozen=True)
class _Scene:
    """joints: (T, 22, 3). floor: its height. targets: (T, 3) what the camera looks at. view: (3, 3) to camera axes.

    focal: pixels per unit of x/depth. centre: pixel of what the camera looks at. Both at the oversampled size.
    """

    joints: np.ndarray
    floor: float
    targets: np.ndarray
    view: np.ndarray
    focal: float
    centre: np.ndarray
    size: tuple[int, int]

    @classmethod
    def of(cls, motion: Motion, size: tuple[int, int]) -> "_Scene":
        joints = motion.joints().astype(np.float64)
        floor = float(joints[..., 1].min())
        targets = _smooth(joints[:, 0], _FOLLOW_SECONDS * motion.fps)
        targets[:, 1] = floor + 0.9
        view = _view(joints[0])
        seen = np.concatenate([joints, joints * (1, 0, 1) + (0, floor, 0)], axis=1) - targets[:, None]
        x, y, depth = np.moveaxis(seen @ view.T, -1, 0)
        across, down = x / (_CAMERA_DISTANCE - depth), -y / (_CAMERA_DISTANCE - depth)
        # The body fills the picture, with room for the head, which is drawn beyond its joint, and for the ground.
        wide, high = (_OVERSAMPLING * s for s in size)
        top, bottom = down.min() - 0.035, down.max() + 0.015
        focal = min(0.92 * high / (bottom - top), 0.88 * wide / (2 * np.abs(across).max() + 0.03))
        centre = np.array([wide / 2, high / 2 - focal * (top + bottom) / 2])
        return cls(joints, floor, targets, view, focal, centre, size)

    def project(self, points: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """World points (N, 3) -> pixels (N, 2) and pixels per metre (N,)."""
        x, y, depth = np.moveaxis((points - self.targets[frame]) @ self.view.T, -1, 0)
        scale = self.focal / (_CAMERA_DISTANCE - depth)
        return self.centre + np.stack([x, -y], axis=-1) * scale[:, None], scale

    def draw(self, frame: int) -> "Image.Image":
        from PIL import Image, ImageDraw

        width, height = self.size
        image = Image.new("RGB", (_OVERSAMPLING * width, _OVERSAMPLING * height), PAPER)
        draw = ImageDraw.Draw(image)
        self._draw_ground(draw, frame)
        self._draw_body(draw, frame)
        return image.reduce(_OVERSAMPLING)

    def _draw_ground(self, draw: "ImageDraw.ImageDraw", frame: int) -> None:
        middle = self.targets[frame][[0, 2]]
        steps = np.arange(np.ceil(-_GRID_RADIUS / _GRID_STEP), _GRID_RADIUS / _GRID_STEP + 1) * _GRID_STEP
        ends = []
        for axis in (0, 1):
            lines = steps + np.round(middle[axis] / _GRID_STEP) * _GRID_STEP
            reach = _GRID_RADIUS**2 - (lines - middle[axis]) ** 2
            lines, half = lines[reach > 0], np.sqrt(reach[reach > 0])
            for sign in (-1, 1):
                points = np.empty((len(lines), 3))
                points[:, 1] = self.floor
                points[:, 2 * axis], points[:, 2 - 2 * axis] = lines, middle[1 - axis] + sign * half
                ends.append(self.project(points, frame)[0])
        for first, second in ((ends[0], ends[1]), (ends[2], ends[3])):
            for a, b in zip(first, second, strict=True):
                draw.line([*a, *b], fill=_GRID, width=_OVERSAMPLING)
        trail = self.joints[: frame + 1, 0] * (1, 0, 1) + (0, self.floor, 0)
        trail = trail[np.linalg.norm(trail[:, [0, 2]] - middle, axis=1) < _GRID_RADIUS]
        if len(trail) > 1:
            draw.line(self.project(trail, frame)[0].ravel().tolist(), fill=_TRAIL, width=2 * _OVERSAMPLING)

    def _draw_body(self, draw: "ImageDraw.ImageDraw", frame: int) -> None:
        joints = self.joints[frame]
        neck, head = joints[12], joints[15]
        upward = (head - neck) / max(np.linalg.norm(head - neck), 1e-6)
        points = np.concatenate([joints, [head + 0.6 * _HEAD_RADIUS * upward]])
        shadow, shadow_scale = self.project(points * (1, 0, 1) + (0, self.floor, 0), frame)
        for joint in range(1, JOINT_COUNT):
            _bone(draw, shadow[joint], shadow[PARENTS[joint]], shadow_scale[joint] * 0.07, _SHADOW)
        _disc(draw, shadow[-1], shadow_scale[-1] * _HEAD_RADIUS, _SHADOW, flat=0.4)
        pixels, scale = self.project(points, frame)
        # Far parts first; a bone is as far away as its middle.
        order = [(scale[j] + scale[PARENTS[j]], j) for j in range(1, JOINT_COUNT)] + [(2 * scale[-1], JOINT_COUNT)]
        for _, joint in sorted(order):
            if joint == JOINT_COUNT:
                _disc(draw, pixels[-1], scale[-1] * _HEAD_RADIUS, _MIDDLE)
            else:
                width = scale[joint] * _THICKNESS.get(joint, 0.05)
                _bone(draw, pixels[joint], pixels[PARENTS[joint]], width, _colour(joint))


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean over time of (T, 3); the ends repeat."""
    reach = int(np.ceil(2.5 * sigma))
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), mode="valid") for column in padded.T], axis=-1)


def _view(pose: np.ndarray) -> np.ndarray:
    """Rows are the camera's right, up and backward axes: it sees the front of `pose` (22, 3) from aside and above."""
    left = (pose[1] - pose[2]) * (1, 0, 1)
    heading = np.arctan2(-left[2], left[0]) if np.linalg.norm(left) > 1e-6 else 0.0
    yaw, pitch = heading + np.radians(_CAMERA_YAW_DEG), np.radians(_CAMERA_PITCH_DEG)
    backward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    return np.stack([right, np.cross(backward, right), backward])


def _colour(joint: int) -> tuple[int, int, int]:
    name = JOINT_NAMES[joint]
    return _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE


def _bone(
    draw: "ImageDraw.ImageDraw", a: np.ndarray, b: np.ndarray, width: float, colour: tuple[int, int, int]
) -> None:
    draw.line([*a, *b], fill=colour, width=max(round(width), 1))
    for end in (a, b):
        _disc(draw, end, width / 2, colour)


def _disc(
    draw: "ImageDraw.ImageDraw", at: np.ndarray, radius: float, colour: tuple[int, int, int], flat: float = 1.0
) -> None:
    x, y = at
    draw.ellipse([x - radius, y - flat * radius, x + radius, y + flat * radius], fill=colour)
