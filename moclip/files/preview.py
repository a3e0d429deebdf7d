# SPDX-License-Identifier: Apache-2.0
"""Stick-figure previews of a `Motion`: animated `.gif` and `.mp4`, or a `.png` sheet of poses over time.

Drawn with Pillow alone, at twice the size and then reduced, which smooths the edges. The left side of the body is
orange, the right side blue; the dark line on the ground is the way of the pelvis. The camera looks at the front of the
first pose from the side and goes along with the body; the ground grid has a line every half metre.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moclip.errors import MoclipError
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_OVERSAMPLING = 2
_FRAME_SIZE = (400, 400)
_PANEL_SIZE = (260, 300)
_SHEET_COLUMNS, _SHEET_ROWS = 4, 2
_CAPTION_HEIGHT = 44
_HIGHEST_FPS = 25.0  # many GIF viewers slow down what is faster

_BACKGROUND, _GRID, _SHADOW = (250, 250, 248), (222, 224, 222), (205, 207, 208)
_TRAIL, _INK = (120, 124, 130), (45, 48, 54)
_LEFT, _RIGHT, _MIDDLE = (226, 104, 32), (38, 110, 180), (84, 88, 96)
_GRID_STEP, _GRID_RADIUS = 0.5, 3.0

_CAMERA_DISTANCE, _CAMERA_PITCH_DEG, _CAMERA_YAW_DEG = 7.0, 14.0, 38.0
_FOLLOW_SECONDS = 0.7
_HEAD_RADIUS = 0.10
_THICKNESS = {**dict.fromkeys((4, 5), 0.075), **dict.fromkeys((7, 8), 0.062), **dict.fromkeys((3, 6, 9), 0.085)}


def save_preview(motion: Motion, path: str | Path) -> None:
    """Draw a motion to `.gif`, `.png` or `.mp4` by the suffix of `path`; the motion's text is the caption.

    Raises MoclipError when Pillow (or for .mp4 imageio-ffmpeg) is missing or the suffix is another one.
    """
    path = Path(path)
    savers = {".gif": _save_gif, ".png": _save_sheet, ".mp4": _save_mp4}
    if path.suffix.lower() not in savers:
        raise MoclipError(f"A preview cannot be '{path.suffix}'.", hint="Use .gif, .png or .mp4.", code="bad_suffix")
    _require("PIL")
    savers[path.suffix.lower()](motion, path)


def draw_frames(motion: Motion, frames: np.ndarray, size: tuple[int, int]) -> Iterator["Image.Image"]:
    """One RGB picture of `size` (width, height) for each frame number, all seen by the same travelling camera."""
    scene = _Scene.of(motion, size)
    for frame in frames:
        yield scene.draw(int(frame))


def _require(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        name = {"PIL": "Pillow", "imageio_ffmpeg": "imageio-ffmpeg"}[package]
        raise MoclipError(
            f"Previews of this kind need {name}, which is not installed.",
            hint='`pip install "moclip[preview]"`.',
            code="missing_package",
        )


# -- the picture -------------------------------------------------------------------------------------------------------


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

        image = Image.new("RGB", tuple(_OVERSAMPLING * s for s in self.size), _BACKGROUND)
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


# -- the files ---------------------------------------------------------------------------------------------------------


def _shown_frames(motion: Motion) -> tuple[np.ndarray, float]:
    """Frame numbers to draw and their rate."""
    step = int(np.ceil(motion.fps / _HIGHEST_FPS - 1e-6))
    return np.arange(0, motion.frames, step), motion.fps / step


def _captioned(motion: Motion, size: tuple[int, int]) -> Iterator["Image.Image"]:
    from PIL import Image

    frames, _ = _shown_frames(motion)
    title = _caption(motion.text, size[0])
    for frame, picture in zip(frames, draw_frames(motion, frames, size), strict=True):
        page = Image.new("RGB", (size[0], size[1] + title.height), _BACKGROUND)
        page.paste(title, (0, 0))
        page.paste(picture, (0, title.height))
        _label(page, f"{frame / motion.fps:.1f} s", (10, page.height - 22))
        yield page


def _caption(text: str, width: int) -> "Image.Image":
    """The text in at most two lines; an empty picture of no height for no text."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, _CAPTION_HEIGHT if text.strip() else 0), _BACKGROUND)
    if not text.strip():
        return image
    draw, font = ImageDraw.Draw(image), _font(15)
    lines = [""]
    # The font that comes with Pillow knows Latin letters only.
    for word in text.encode("latin-1", "replace").decode("latin-1").split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= width - 20 or not lines[-1]:
            lines[-1] = longer
        elif len(lines) == 2:
            lines[-1] += " ..."
            break
        else:
            lines.append(word)
    draw.multiline_text((10, 6), "\n".join(lines), fill=_INK, font=font, spacing=2)
    return image


def _label(image: "Image.Image", text: str, at: tuple[int, int]) -> None:
    from PIL import ImageDraw

    ImageDraw.Draw(image).text(at, text, fill=_TRAIL, font=_font(12))


def _font(size: int):
    from PIL import ImageFont

    try:
        return ImageFont.load_default(size)
    except (ImportError, TypeError):
        # A Pillow without FreeType, or older than 10.1, has one small bitmap font.
        return ImageFont.load_default()


def _save_gif(motion: Motion, path: Path) -> None:
    from PIL import Image

    palette = Image.new("P", (1, 1))
    palette.putpalette(_palette())
    pages = [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in _captioned(motion, _FRAME_SIZE)]
    _, fps = _shown_frames(motion)
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=round(1000 / fps), loop=0, format="GIF")


def _palette() -> list[int]:
    """The colours of the drawing and their mixtures, which is what smoothed edges are made of."""
    colours = np.array([_BACKGROUND, _GRID, _SHADOW, _TRAIL, _INK, _LEFT, _RIGHT, _MIDDLE], dtype=np.float64)
    mixtures = [
        np.round(a + (b - a) * share)
        for k, a in enumerate(colours)
        for b in colours[k:]
        for share in ((0.0,) if a is b else (0.25, 0.5, 0.75))
    ]
    # Without the duplicates of `a is b` this is 8 + 28 * 3 = 92 colours.
    return np.concatenate(mixtures).astype(int).tolist()


def _save_sheet(motion: Motion, path: Path) -> None:
    from PIL import Image

    count = min(_SHEET_COLUMNS * _SHEET_ROWS, motion.frames)
    frames = np.round(np.linspace(0, motion.frames - 1, count)).astype(int)
    columns = min(_SHEET_COLUMNS, count)
    title = _caption(motion.text, columns * _PANEL_SIZE[0])
    sheet = Image.new("RGB", (title.width, title.height + -(-count // columns) * _PANEL_SIZE[1]), _BACKGROUND)
    sheet.paste(title, (0, 0))
    for k, (frame, picture) in enumerate(zip(frames, draw_frames(motion, frames, _PANEL_SIZE), strict=True)):
        _label(picture, f"{frame / motion.fps:.1f} s", (8, _PANEL_SIZE[1] - 20))
        sheet.paste(picture, (k % columns * _PANEL_SIZE[0], title.height + k // columns * _PANEL_SIZE[1]))
    sheet.save(path, format="PNG")


def _save_mp4(motion: Motion, path: Path) -> None:
    _require("imageio_ffmpeg")
    import imageio_ffmpeg

    _, fps = _shown_frames(motion)
    height = _FRAME_SIZE[1] + _caption(motion.text, _FRAME_SIZE[0]).height
    # H.264 wants even sides.
    writer = imageio_ffmpeg.write_frames(str(path), (_FRAME_SIZE[0], height), fps=fps, macro_block_size=2, quality=7)
    writer.send(None)
    try:
        for page in _captioned(motion, _FRAME_SIZE):
            writer.send(page.tobytes())
    finally:
        writer.close()
