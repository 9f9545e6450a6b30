"""Place the camera and project the bodies of a specimen into the picture."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.habits import RIND_THICKNESS, Body, Crystal, Slab
from mineral_recog.synthetic.polyhedra import BALL, Polyhedron
from mineral_recog.synthetic.raster import Solids
from mineral_recog.synthetic.textures import Array

MIN_SLOPE = 1e-3  # smallest |z| of a face normal, so that a face seen edge-on has a finite depth


@dataclass(frozen=True)
class Camera:
    """Camera that shows specimen point p at scale * rotation @ p + shift."""

    rotation: Array
    scale: float
    shift: Array

    def project(self, points: Array) -> Array:
        """Return specimen points (n, 3) in picture coordinates."""
        return np.asarray(points @ (self.scale * self.rotation).T + self.shift)


def outline_points(body: Body) -> Array:
    """Return points (n, 3) that outline a body."""
    if isinstance(body, Crystal):
        return np.asarray(body.form.corners @ body.frame.T + body.centre)
    angle = np.linspace(0, 2 * np.pi, 16)
    rim = np.stack((np.cos(angle), np.sin(angle)), 1) @ body.frame[:, :2].T
    return np.concatenate((rim, rim - RIND_THICKNESS * body.frame[:, 2]))


def random_camera(
    bodies: list[Body], on_rock: bool, upright: bool, rng: np.random.Generator
) -> Camera:
    """Return a camera at a random angle, scale and position; it mostly shows all of the bodies.

    It looks at `upright` specimens from the side rather than from above.
    """
    lowest, highest = (10, 45) if upright else (22, 62)
    pitch = np.radians(rng.uniform(lowest, highest) if rng.random() < 0.7 else rng.uniform(62, 90))
    if isinstance(bodies[0], Slab):
        pitch = max(pitch, np.radians(50))  # a slice shows its face
    yaw, roll = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06)
    tilt = np.array(
        [[1, 0, 0], [0, np.sin(pitch), np.cos(pitch)], [0, -np.cos(pitch), np.sin(pitch)]]
    )
    rotation = _rotation_about_z(roll) @ tilt @ _rotation_about_z(yaw)
    projected = np.concatenate([outline_points(body) for body in bodies]) @ rotation.T
    low, high = projected.min(0), projected.max(0)
    extent = rng.uniform(0.6, 0.94) * (0.88 if on_rock else 1.0)
    if rng.random() < 0.1:
        extent *= 1.4
    scale = 2 * extent / max(high[0] - low[0], high[1] - low[1])
    shift = -scale * (low + high) / 2 + np.append(rng.normal(0, 0.07, 2), 0)
    return Camera(rotation, float(scale), shift)


def _rotation_about_z(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def project_crystals(bodies: list[Crystal], camera: Camera) -> Solids:
    """Return crystals as the camera sees them."""
    forms = [body.form for body in bodies]
    frames = (camera.scale * camera.rotation) @ np.stack([body.frame for body in bodies])
    inverses = np.linalg.inv(frames)
    centres = camera.project(np.stack([body.centre for body in bodies]))
    sizes = np.cbrt(np.abs(np.linalg.det(frames)))
    is_ball = np.array([form is BALL for form in forms])
    tips = np.array([np.abs(form.corners[:, 2]).max() for form in forms])
    down = np.array([0, 0, -1]) / sizes[:, None]
    owner = np.repeat(np.arange(len(bodies)), [len(form.normals) for form in forms])
    normals, depths, across = _faces(forms, owner, frames, inverses, centres)
    away = normals[:, 2] <= 0
    order, starts = np.lexsort((away, owner)), np.searchsorted(owner, np.arange(len(bodies) + 1))
    outlines = [camera.project(outline_points(body)) for body in bodies]
    return Solids(
        normals=np.ascontiguousarray(normals[order].T),
        depths=depths[order],
        across=np.ascontiguousarray(across[order].T),
        starts=starts.tolist(),
        back_starts=(starts[1:] - np.bincount(owner, away).astype(int)).tolist(),
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
    """Return the faces' normals, depth coefficients and directions across striations."""
    normals = np.concatenate([form.normals for form in forms])
    normals = (normals[:, None] @ inverses[owner])[:, 0]  # by the inverse transpose of the frame
    norms = np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
    normals /= norms[:, None]
    normals[np.abs(normals[:, 2]) < MIN_SLOPE, 2] = MIN_SLOPE
    offsets = np.concatenate([form.offsets for form in forms]) / norms
    offsets += (normals * centres[owner]).sum(1)
    depths = np.stack((offsets, -normals[:, 0], -normals[:, 1]), 1) / normals[:, 2:]
    across = np.concatenate([form.across for form in forms])
    across = (frames[owner] @ across[:, :, None])[..., 0]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return normals.astype(np.float32), depths.astype(np.float32), across.astype(np.float32)
