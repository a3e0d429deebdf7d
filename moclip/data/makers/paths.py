# SPDX-License-Identifier: Apache-2.0
"""Straight gaits bent into arcs, circles, figures of eight, zigzags and U-turns.

Each frame is turned, and the path with it; the feet stand where they stand, as far as the legs reach.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.feet import plant_feet, toe_contacts
from moclip.motion.motion import Motion

_UP = np.array([0.0, 1.0, 0.0])
_GROUND = [0, 2]

Turning = Callable[[np.ndarray], np.ndarray]
"""Share of the way gone (T,), 0 to 1 -> radians turned so far (T,), to the left."""


def bent(motion: Motion, turning: Turning) -> Motion:
    """A motion that goes straight on, bent; with feet that stand."""
    root = motion.root_translation.astype(np.float64)
    step = np.diff(root, axis=0)
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(step[:, _GROUND], axis=1))])
    turned = rot.from_axis_angle(_UP, turning(gone / max(gone[-1], 1e-6)))
    rotations = motion.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(turned, rotations[:, 0])
    # Half of a frame's turn before its step and half after it, or a circle would not close.
    middle = rot.slerp(turned[:-1], turned[1:], np.full(len(step), 0.5))
    path = np.concatenate([root[:1], root[0] + np.cumsum(rot.rotate(middle, step), axis=0)])
    made = Motion(motion.fps, rot.continuous(rotations), path)
    return planted(made, toe_contacts(motion.joints(), motion.fps))


def planted(motion: Motion, contacts: np.ndarray) -> Motion:
    """With the feet held where contacts (T, 2) say that they stand."""
    return replace(motion, rotations=plant_feet(motion, 0, motion.frames, contacts))


def length(motion: Motion) -> float:
    """Metres that its pelvis goes over the ground."""
    return float(np.linalg.norm(np.diff(motion.root_translation[:, _GROUND], axis=0), axis=1).sum())


def circle(angle: float) -> Turning:
    """An even turn by `angle` radians in all."""
    return lambda done: angle * done


def figure_eight(sign: float) -> Turning:
    """A round one way and a round the other; the change takes a tenth of the way."""

    def turning(done: np.ndarray) -> np.ndarray:
        rate = np.clip((0.5 - done) / 0.05, -1.0, 1.0)
        return _integrated(rate, done, 2 * np.pi * sign, up_to=0.5)

    return turning


def zigzag(bends: int, angle: float, sign: float) -> Turning:
    """So many changes between `angle` radians to one side and to the other of the way ahead."""

    def turning(done: np.ndarray) -> np.ndarray:
        wave = np.sin(np.pi * bends * done + np.pi / 2)
        turned: np.ndarray = sign * angle * np.tanh(2.5 * wave) / np.tanh(2.5)
        return turned

    return turning


def corner(at: float, share: float, angle: float) -> Turning:
    """A turn by `angle` radians around the place `at` of the way, within a `share` of it."""

    def turning(done: np.ndarray) -> np.ndarray:
        t = np.clip((done - at) / share + 0.5, 0.0, 1.0)
        return angle * t * t * (3 - 2 * t)

    return turning


def u_turn(at: float, share: float, sign: float) -> Turning:
    """Half a turn."""
    return corner(at, share, sign * np.pi)


def wandering(rng: np.random.Generator, metres: float) -> Turning:
    """A way without an aim: turns of up to a right angle every two metres or so, smoothly."""
    count = max(3, int(metres / 1.6))
    knots = np.cumsum(rng.uniform(-1.5, 1.5, size=count + 1))
    at = np.linspace(0.0, 1.0, count + 1)

    def turning(done: np.ndarray) -> np.ndarray:
        fine = np.interp(np.linspace(0, 1, 400), at, knots)
        soft = np.convolve(np.pad(fine, 40, mode="edge"), np.hanning(81) / np.hanning(81).sum(), mode="valid")
        turned: np.ndarray = np.interp(done, np.linspace(0, 1, 400), soft) - soft[0]
        return turned

    return turning


def _integrated(rate: np.ndarray, done: np.ndarray, most: float, up_to: float) -> np.ndarray:
    """The integral of a rate over `done`, scaled so that it is `most` at `up_to`."""
    steps = np.diff(done, prepend=done[:1]) * rate
    total = np.cumsum(steps)
    at = float(np.interp(up_to, done, total))
    return most * total / at if abs(at) > 1e-9 else np.zeros_like(total)
