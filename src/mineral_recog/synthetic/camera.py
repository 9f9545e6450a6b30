"""Where the camera stands, and the bodies of a specimen as it sees them."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.habits import RIND, Body, Crystal, Slab
from mineral_recog.synthetic.polyhedra import BALL, Polyhedron
from mineral_recog.synthetic.raster import Solids
from mineral_recog.synthetic.textures import Array

STEEPEST = 1e-3  # a plane seen from its edge is as good as one seen this much from it


@dataclass(frozen=True)
class Camera:
    """Specimen points p are seen at scale * turn @ p + shift."""

    turn: Array
    scale: float
    shift: Array

    def place(self, points: Array) -> Array:
        """Points (n, 3) of the specimen as seen."""
        return np.asarray(points @ (self.scale * self.turn).T + self.shift)


def outline(body: Body) -> Array:
    """Points (n, 3) that a body lies between."""
    if isinstance(body, Crystal):
        return np.asarray(body.form.corners @ body.frame.T + body.centre)
    angle = np.linspace(0, 2 * np.pi, 16)
    rim = np.stack((np.cos(angle), np.sin(angle)), 1) @ body.frame[:, :2].T
    return np.concatenate((rim, rim - RIND * body.frame[:, 2]))


def some_camera(
    bodies: list[Body], on_rock: bool, upright: bool, rng: np.random.Generator
) -> Camera:
    """A camera that sees the bodies at a random angle, size and place, mostly whole.

    `upright` ones are seen from the side rather than from above.
    """
    lowest, highest = (10, 45) if upright else (22, 62)
    pitch = np.radians(rng.uniform(lowest, highest) if rng.random() < 0.7 else rng.uniform(62, 90))
    if isinstance(bodies[0], Slab):
        pitch = max(pitch, np.radians(50))  # a slice is shown by its face
    yaw, roll = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06)
    nod = np.array(
        [[1, 0, 0], [0, np.sin(pitch), np.cos(pitch)], [0, -np.cos(pitch), np.sin(pitch)]]
    )
    turn = _about_z(roll) @ nod @ _about_z(yaw)
    seen = np.concatenate([outline(body) for body in bodies]) @ turn.T
    low, high = seen.min(0), seen.max(0)
    reach = rng.uniform(0.6, 0.94) * (0.88 if on_rock else 1.0)
    if rng.random() < 0.1:
        reach *= 1.4
    scale = 2 * reach / max(high[0] - low[0], high[1] - low[1])
    shift = -scale * (low + high) / 2 + np.append(rng.normal(0, 0.07, 2), 0)
    return Camera(turn, float(scale), shift)


def _about_z(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def solids(bodies: list[Crystal], camera: Camera) -> Solids:
    """Crystals as the camera sees them."""
    forms = [body.form for body in bodies]
    frames = (camera.scale * camera.turn) @ np.stack([body.frame for body in bodies])
    inverses = np.linalg.inv(frames)
    centres = camera.place(np.stack([body.centre for body in bodies]))
    sizes = np.cbrt(np.abs(np.linalg.det(frames)))
    is_ball = np.array([form is BALL for form in forms])
    tips = np.array([np.abs(form.corners[:, 2]).max() for form in forms])
    down = np.array([0, 0, -1]) / sizes[:, None]
    owner = np.repeat(np.arange(len(bodies)), [len(form.normals) for form in forms])
    normals, depths, across = _faces(forms, owner, frames, inverses, centres)
    away = normals[:, 2] <= 0
    order, starts = np.lexsort((away, owner)), np.searchsorted(owner, np.arange(len(bodies) + 1))
    outlines = [camera.place(outline(body)) for body in bodies]
    return Solids(
        normals=np.ascontiguousarray(normals[order].T),
        depths=depths[order],
        across=np.ascontiguousarray(across[order].T),
        starts=starts.tolist(),
        middles=(starts[1:] - np.bincount(owner, away).astype(int)).tolist(),
        low=np.stack([points.min(0) for points in outlines]),
        high=np.stack([points.max(0) for points in outlines]),
        centres=centres.astype(np.float32),
        sizes=sizes.astype(np.float32),
        is_ball=is_ball,
        axes=np.where(is_ball[:, None], down, 0.5 * inverses[:, 2] / tips[:, None]).astype(
            np.float32
        ),
    )


def _faces(
    forms: list[Polyhedron], owner: Array, frames: Array, inverses: Array, centres: Array
) -> tuple[Array, Array, Array]:
    """Of every body's faces the normals, the coefficients of their depths and lines' directions."""
    normals = np.concatenate([form.normals for form in forms])
    normals = (normals[:, None] @ inverses[owner])[:, 0]  # by the inverse transposed of the frame
    norms = np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
    normals /= norms[:, None]
    normals[np.abs(normals[:, 2]) < STEEPEST, 2] = STEEPEST
    offsets = np.concatenate([form.offsets for form in forms]) / norms
    offsets += (normals * centres[owner]).sum(1)
    depths = np.stack((offsets, -normals[:, 0], -normals[:, 1]), 1) / normals[:, 2:]
    across = np.concatenate([form.across for form in forms])
    across = (frames[owner] @ across[:, :, None])[..., 0]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return normals.astype(np.float32), depths.astype(np.float32), across.astype(np.float32)
