# SPDX-License-Identifier: Apache-2.0
"""Quaternion and rotation functions on numpy arrays.

Quaternions are (w, x, y, z), unit length, in the last axis; all functions broadcast over leading axes.
"""

from functools import reduce

import numpy as np

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def _components(array: np.ndarray) -> tuple[np.ndarray, ...]:
    array = np.asarray(array)
    return tuple(array[..., k] for k in range(array.shape[-1]))


def normalize(vectors: np.ndarray, axis: int = -1) -> np.ndarray:
    """Scale to unit length; zero vectors stay zero."""
    # What np.linalg.norm computes, without what it looks at before: most arrays here are small.
    length = np.sqrt(np.add.reduce(np.multiply(vectors, vectors), axis=axis, keepdims=True))
    unit: np.ndarray = vectors / np.where(length > 1e-12, length, 1.0)
    return unit


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product a*b: (..., 4), the rotation b followed by a."""
    aw, ax, ay, az = _components(a)
    bw, bx, by, bz = _components(b)
    return np.stack([
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ], axis=-1)  # fmt: skip


def conjugate(q: np.ndarray) -> np.ndarray:
    """The inverse of a unit quaternion."""
    inverse: np.ndarray = np.asarray(q) * np.array([1, -1, -1, -1], dtype=np.asarray(q).dtype)
    return inverse


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of vectors (..., 3): np.cross to the last bit, in half of its time."""
    ax, ay, az = _components(a)
    bx, by, bz = _components(b)
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def rotate(q: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate vectors (..., 3) by unit quaternions (..., 4)."""
    w, x, y, z = _components(q)
    vx, vy, vz = _components(vectors)
    # v + 2w(u x v) + 2u x (u x v), written out: np.cross takes twice as long.
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return np.stack([
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    ], axis=-1)  # fmt: skip


def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes direction a to direction b: (..., 4).

    Opposite directions turn half a circle about an axis perpendicular to a (which one is arbitrary but fixed).
    Zero-length input gives the identity.
    """
    a, b = np.broadcast_arrays(normalize(np.asarray(a, dtype=np.float64)), normalize(np.asarray(b, dtype=np.float64)))
    q = np.concatenate([1 + np.sum(a * b, axis=-1, keepdims=True), cross(a, b)], axis=-1)
    opposite = q[..., 0] < 1e-9
    if np.any(opposite):
        least = np.eye(3)[np.argmin(np.abs(a), axis=-1)]
        perpendicular = normalize(cross(a, least))
        q = np.where(opposite[..., None], np.concatenate([np.zeros_like(q[..., :1]), perpendicular], axis=-1), q)
    return normalize(q)


def arctan2(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`np.arctan2` of copies: of strided views numpy 1.26 gives other last bits from call to call on some processors,
    and what is made twice shall be the same twice."""
    return np.arctan2(np.array(y), np.array(x))


def from_axis_angle(axis: np.ndarray, angle_rad: np.ndarray) -> np.ndarray:
    """axis (..., 3) of unit length, angle_rad (...): (..., 4)."""
    half = np.asarray(angle_rad)[..., None] / 2
    return np.concatenate([np.cos(half), np.sin(half) * axis], axis=-1)


def to_vector(q: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3) in radians of quaternions (..., 4), no longer than half a turn."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    vectors: np.ndarray = normalize(q[..., 1:]) * 2 * arctan2(sine, q[..., :1])
    return vectors


def from_vector(vectors: np.ndarray) -> np.ndarray:
    """The inverse of `to_vector`: (..., 3) -> (..., 4)."""
    return from_axis_angle(normalize(vectors), np.linalg.norm(vectors, axis=-1))


def from_euler_deg(angles_deg: np.ndarray, order: str) -> np.ndarray:
    """Intrinsic Euler angles (..., 3) in degrees, `order` such as "ZXY": the product of the three in that order."""
    turns = (
        from_axis_angle(np.eye(3)["XYZ".index(axis)], np.radians(angles_deg[..., k])) for k, axis in enumerate(order)
    )
    return reduce(multiply, turns)


def to_matrix(q: np.ndarray) -> np.ndarray:
    """(..., 4) -> (..., 3, 3)."""
    return np.stack([rotate(q, axis) for axis in np.eye(3, dtype=np.asarray(q).dtype)], axis=-1)


def from_matrix(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices -> (..., 4), w >= 0; stable for every angle (Shepperd's method)."""
    m = np.asarray(matrix)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # Row k of `candidates` is 4*q_k*q; the row with the largest q_k is free of cancellation.
    (xy, yx), (xz, zx), (yz, zy) = ((m[..., a, b], m[..., b, a]) for a, b in ((0, 1), (0, 2), (1, 2)))
    rows = (
        (1 + xx + yy + zz, zy - yz, xz - zx, yx - xy),
        (zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx),
        (xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy),
        (yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz),
    )
    candidates = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    return normalize(np.where(q[..., :1] < 0, -q, q))


def to_6d(q: np.ndarray) -> np.ndarray:
    """Column 0 and column 1 of the rotation matrix, concatenated: (..., 6) (Zhou et al. 2019, HumanML3D's order)."""
    q = np.asarray(q)
    x, y = np.eye(3, dtype=q.dtype)[:2]
    return np.concatenate([rotate(q, x), rotate(q, y)], axis=-1)


def from_6d(six: np.ndarray) -> np.ndarray:
    """(..., 6) -> (..., 4): the first column is kept, the second made perpendicular to it."""
    x = normalize(six[..., :3])
    z = normalize(cross(x, six[..., 3:]))
    return from_matrix(np.stack([x, cross(z, x), z], axis=-1))


def continuous(q: np.ndarray) -> np.ndarray:
    """Flip signs along axis 0 (time) so that neighbours lie in the same hemisphere; frame 0 is kept."""
    flips = np.sum(q[1:] * q[:-1], axis=-1) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    same_side: np.ndarray = np.concatenate([q[:1], q[1:] * signs[..., None]], axis=0).astype(np.asarray(q).dtype)
    return same_side


def slerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Spherical interpolation from a (weight 0) to b (weight 1) along the shorter arc; weight (...)."""
    weight = np.asarray(weight)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0, 1))
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    wa = np.where(small, 1 - weight, np.sin((1 - weight) * safe) / np.sin(safe))
    wb = np.where(small, weight, np.sin(weight * safe) / np.sin(safe))
    return normalize(wa * a + wb * b)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Geodesic angle between rotations in radians, 0..pi: (...)."""
    relative = multiply(conjugate(a), b)
    return 2 * arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0]))
