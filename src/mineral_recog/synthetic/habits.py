"""Grow specimens: arrange crystals by habit, in specimen coordinates with z up.

A specimen has a radius of about 1 around the origin; the camera scales and rotates it later.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.polyhedra import BALL, FORMS, Polyhedron
from mineral_recog.synthetic.species import Variety
from mineral_recog.synthetic.textures import Array


@dataclass(frozen=True)
class Crystal:
    """A polyhedron or ball in position: point p of the form becomes frame @ p + centre.

    `shade` is the factor by which it is lighter or darker than the specimen.
    """

    form: Polyhedron
    frame: Array
    centre: Array
    shade: float = 1.0


@dataclass(frozen=True)
class Slab:
    """A polished disc: the first two columns of `frame` span its plane, the last is its normal."""

    frame: Array
    centre: Array


Body = Crystal | Slab
RIND_THICKNESS = 0.13  # of a slab
Forms = list[Polyhedron]


def rotation_to(direction: Array, angle: float) -> Array:
    """Return a rotation (3, 3) about z by `angle`, then of z to `direction` (3,).

    Uses Python floats, because numpy is many times slower for three numbers.
    """
    x, y, z = direction.tolist()
    length = math.hypot(x, y, z)
    x, y, z = x / length, y / length, z / length
    # two axes perpendicular to the direction; the first is also perpendicular to x, or to y
    right = (0.0, -z, y) if abs(x) < 0.9 else (z, 0.0, -x)
    flat = math.hypot(*right)
    rx, ry, rz = (part / flat for part in right)
    ux, uy, uz = y * rz - z * ry, z * rx - x * rz, x * ry - y * rx
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array(
        [
            [cos * rx + sin * ux, cos * ux - sin * rx, x],
            [cos * ry + sin * uy, cos * uy - sin * ry, y],
            [cos * rz + sin * uz, cos * uz - sin * rz, z],
        ]
    )


def _ball(centre: Array, radius: float, shade: float = 1.0) -> Crystal:
    return Crystal(BALL, radius * np.eye(3), centre, shade)


def random_rotation(rng: np.random.Generator) -> Array:
    """Return a uniformly random rotation (3, 3)."""
    return rotation_to(rng.standard_normal(3), rng.uniform(0, 2 * np.pi))


def _random_shade(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.8, 1.15))


def _crystal_count(variety: Variety, rng: np.random.Generator) -> int:
    return int(rng.integers(variety.count[0], variety.count[1] + 1))


def _sizes(count: int, rng: np.random.Generator) -> Array:
    """Return crystal sizes, largest first: a few large ones among small ones."""
    return np.sort(1 - 0.72 * rng.random(count) ** 0.6)[::-1] / (1 if count > 1 else 0.7)


def cluster(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow long crystals side by side from a common base."""
    count = _crystal_count(variety, rng)
    lying = count == 1 and rng.random() < 0.6
    for index, size in enumerate(_sizes(count, rng)):
        tilt = variety.spread * (0.3 + 0.7 * index / count)
        direction = np.array([0.0, 0.0, 1.0]) + np.append(tilt * rng.standard_normal(2), 0)
        if lying:
            direction = np.array([1.0, 0.3 * rng.standard_normal(), 0.2])
        form = forms[index % len(forms)]
        reach = form.corners[:, 2].max()
        width = size * (0.75 + 0.5 * rng.random()) / (reach + 0.5)
        frame = rotation_to(direction, rng.uniform(0, 7)) * width
        apart = min(0.55 * width * count**0.5, 0.3) * (index > 0)
        foot = np.append(apart * rng.standard_normal(2), 0)
        yield Crystal(form, frame, foot + frame[:, 2] * reach * 0.85, _random_shade(rng))


def intergrown(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow blocky crystals into one another; parallel if the spread is small."""
    count = _crystal_count(variety, rng)
    main = random_rotation(rng)
    if variety.form == "cube":
        main = rotation_to(np.array([0.0, 0.0, 1.0]), rng.uniform(0, 7))
    for index, size in enumerate(_sizes(count, rng)):
        deviation = rotation_to(
            np.append(variety.spread * rng.standard_normal(2), 1),
            variety.spread * rng.standard_normal(),
        )
        frame = main @ deviation * size * 0.62
        position = rng.standard_normal(3) * np.array([1.0, 1.0, 0.45])
        position *= (0.55 + 0.05 * count**0.5) / np.linalg.norm(position) * (index > 0)
        position[2] = abs(position[2]) * 0.7
        yield Crystal(forms[index % len(forms)], frame, position, _random_shade(rng))


def scattered(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow separate crystals in any direction, as on a rock."""
    for index, size in enumerate(_sizes(_crystal_count(variety, rng), rng)):
        form = forms[index % len(forms)]
        reach = float(np.linalg.norm(form.corners, axis=1).max())
        lift = np.append(rng.standard_normal(2), rng.uniform(0.0, 1.6))
        frame = rotation_to(lift, rng.uniform(0, 7)) * size * 0.75 / reach
        angle, distance = 2.4 * index + rng.uniform(-0.4, 0.4), 0.62 * (index > 0)
        distance *= rng.uniform(0.8, 1.3)
        position = np.array([distance * np.cos(angle), distance * np.sin(angle), 0.3 * size])
        yield Crystal(form, frame, position, _random_shade(rng))


def spray(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow needles that fan out from a point."""
    lean = np.append(0.5 * rng.standard_normal(2), 0.8)
    for index in range(_crystal_count(variety, rng)):
        direction = lean + variety.spread * rng.standard_normal(3)
        direction[2] = abs(direction[2])
        form = forms[index % len(forms)]
        reach = form.corners[:, 2].max()
        width = rng.uniform(0.6, 1.3) / (2 * reach)
        frame = rotation_to(direction, rng.uniform(0, 7)) * width
        yield Crystal(form, frame, frame[:, 2] * reach * 0.95, _random_shade(rng))


def rosette(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow blades or plates that radiate like petals, their flat sides upright."""
    count = _crystal_count(variety, rng)
    for index in range(count):
        height = rng.uniform(0.0, 1.0)
        azimuth = 2.4 * index + rng.uniform(-0.3, 0.3)
        direction = np.array([np.cos(azimuth), np.sin(azimuth), 0.0]) * np.sqrt(1 - height**2)
        direction[2] = height
        form = forms[index % len(forms)]
        size = rng.uniform(0.32, 0.55)
        turn = rng.normal(0, 0.5)
        frame = rotation_to(direction, turn) * size
        if variety.form == "hexagonal_plate":  # the plate stands on its rim
            frame = frame[:, [2, 1, 0]] * np.array([1, 1, -1])
        yield Crystal(form, frame, direction * rng.uniform(0.35, 0.62), _random_shade(rng))


def plates(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow thin plates that stand on edge or lean on one another in all directions."""
    for index, size in enumerate(_sizes(_crystal_count(variety, rng), rng)):
        face = rng.standard_normal(3) * np.array([1.0, 1.0, 0.9])
        frame = rotation_to(face, rng.uniform(0, 7)) * size * 0.68
        angle, distance = 2.4 * index, 0.6 * np.sqrt(rng.random()) * (index > 0)
        position = np.array([distance * np.cos(angle), distance * np.sin(angle), 0.3 * size])
        yield Crystal(forms[index % len(forms)], frame, position, _random_shade(rng))


def foliated(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow nearly parallel leaves, one on another and shifted sideways."""
    count = _crystal_count(variety, rng)
    face = np.append(0.7 * rng.standard_normal(2), 1.0)
    flat = rotation_to(face, rng.uniform(0, 7))
    for index in range(count):
        deviation = rotation_to(
            np.append(0.13 * rng.standard_normal(2), 1), 0.25 * rng.standard_normal()
        )
        frame = flat @ deviation * rng.uniform(0.4, 0.75)
        if variety.form == "blade":  # the flat side of a blade is perpendicular to y
            frame = frame[:, [0, 2, 1]] * np.array([1, 1, -1])
            frame[:, 2] *= 0.7
        slip = flat @ np.append(0.3 * rng.standard_normal(2), 0.75 * (index / count - 0.4))
        yield Crystal(forms[index % len(forms)], frame, slip, _random_shade(rng))


def botryoidal(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow bunches of balls on a low mound, like grapes."""
    count = _crystal_count(variety, rng)
    mound = np.array([1.0, rng.uniform(0.65, 1.0), rng.uniform(0.35, 0.6)]) * 0.75
    swell = rng.uniform(0.8, 1.4)
    yield Crystal(forms[0], np.diag(mound * 0.8), np.zeros(3), 0.6)
    for _ in range(count):
        direction = rng.standard_normal(3)
        direction[2] = abs(direction[2])
        position = direction / np.linalg.norm(direction) * mound
        radius = swell * rng.gamma(5.0, 0.24) / count**0.5
        yield _ball(position, min(max(radius, 0.06), 0.4), _random_shade(rng))


def massive(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Make broken lumps."""
    for index, size in enumerate(_sizes(_crystal_count(variety, rng), rng)):
        position = np.append(0.5 * rng.standard_normal(2), 0) * (index > 0)
        frame = (
            rotation_to(np.append(0.3 * rng.standard_normal(2), 1), rng.uniform(0, 7)) * size * 0.85
        )
        yield Crystal(forms[index % len(forms)], frame, position, _random_shade(rng))


def nugget(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Merge rounded lumps into a nugget that is longer than wide."""
    spine = np.array([0.45, 0.25, 0.16]) * rng.uniform(0.7, 1.3, 3)
    for _ in range(_crystal_count(variety, rng)):
        yield _ball(rng.standard_normal(3) * spine, rng.uniform(0.16, 0.42))


def dendrite(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow small crystals along branches, as metals do."""
    stem = np.append(rng.standard_normal(2), rng.uniform(0.2, 1.2))
    branches = [(-0.75 * stem / np.linalg.norm(stem), stem / np.linalg.norm(stem), 1.5)]
    for _ in range(int(rng.integers(5, 9))):
        start, along, reach = branches[int(rng.integers(len(branches)))]
        direction = along + 0.9 * rng.standard_normal(3) * np.array([1, 1, 0.6])
        origin = start + along * reach * rng.uniform(0.2, 0.9)
        branches.append(
            (origin, direction / np.linalg.norm(direction), reach * rng.uniform(0.35, 0.7))
        )
    total = sum(reach for *_, reach in branches)
    count = _crystal_count(variety, rng)
    forms_in_turn = itertools.cycle(forms)
    for start, along, reach in branches:
        for step in np.linspace(0, 1, max(2, round(count * reach / total))):
            stretch = np.array([1.0, 1.0, rng.uniform(1.2, 2.4)])
            frame = rotation_to(along + 0.4 * rng.standard_normal(3), rng.uniform(0, 7)) * stretch
            size = rng.uniform(0.08, 0.16) * (1.25 - 0.6 * step)
            position = start + along * reach * step + 0.03 * rng.standard_normal(3)
            yield Crystal(next(forms_in_turn), frame * size, position, _random_shade(rng))


def slab(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Cut a polished slice, lying flat or leaning."""
    across = rng.uniform(0.65, 1.0)
    lean = np.append(rng.normal(0, 0.22, 2), 1.0)
    frame = rotation_to(lean, rng.uniform(0, 7)) * np.array([1.0, across, 1.0])
    yield Slab(frame, np.zeros(3))


def disc(variety: Variety, forms: Forms, rng: np.random.Generator) -> Iterator[Body]:
    """Grow a flat disc of rays, as in shale: thin blades side by side around a centre."""
    needle = FORMS["needle"](rng, 6.0)
    for angle in np.linspace(0, 2 * np.pi, 40, endpoint=False):
        direction = np.array([np.cos(angle), np.sin(angle), rng.normal(0.05, 0.05)])
        frame = rotation_to(direction, rng.uniform(0, 7)) * rng.uniform(0.055, 0.068)
        yield Crystal(needle, frame, frame[:, 2] * 5.5 + [0, 0, 0.28], _random_shade(rng))


HABITS: dict[str, Callable[[Variety, Forms, np.random.Generator], Iterator[Body]]] = {
    habit.__name__: habit
    for habit in (
        *(cluster, intergrown, scattered, spray, rosette, plates, foliated),
        *(botryoidal, massive, nugget, dendrite, slab, disc),
    )
}


def grow_specimen(variety: Variety, rng: np.random.Generator) -> list[Body]:
    """Return the bodies of a new specimen; two crystal forms are shared by all its crystals."""
    forms = [FORMS[variety.form](rng, rng.uniform(*variety.length)) for _ in range(2)]
    return list(HABITS[variety.habit](variety, forms, rng))
