"""How crystals grow together: the bodies of a specimen, in its own space, up along z.

A specimen is about 1 in radius about the origin; the photographer scales and turns it later.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.polyhedra import BALL, FORMS, Polyhedron
from mineral_recog.synthetic.species import Variety
from mineral_recog.synthetic.textures import Array


@dataclass(frozen=True)
class Crystal:
    """A polyhedron, or a ball, in place: points of the form p become frame @ p + centre.

    `shade` is how much lighter or darker it is than the specimen, as a factor.
    """

    form: Polyhedron
    frame: Array
    centre: Array
    shade: float = 1.0


@dataclass(frozen=True)
class Slab:
    """A polished slice: a disc, its columns spanning the plane and the last its normal."""

    frame: Array
    centre: Array


Body = Crystal | Slab
RIND = 0.13  # thickness of a slab
Forms = list[Polyhedron]


def turned(direction: Array, angle: float) -> Array:
    """A rotation (3, 3) that takes z to `direction` (3,), after a turn about z by `angle`.

    In plain numbers, as numpy takes many times as long over three.
    """
    x, y, z = direction.tolist()
    length = math.hypot(x, y, z)
    x, y, z = x / length, y / length, z / length
    # two axes across the direction: of these the first is across x too, or across y
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


def any_rotation(rng: np.random.Generator) -> Array:
    """A rotation (3, 3), each as likely."""
    return turned(rng.standard_normal(3), rng.uniform(0, 2 * np.pi))


def _shade(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.8, 1.15))


def _number(variety: Variety, rng: np.random.Generator) -> int:
    return int(rng.integers(variety.count[0], variety.count[1] + 1))


def _sizes(count: int, rng: np.random.Generator) -> Array:
    """Sizes of crystals, largest 1 and first: a few large ones among small ones."""
    return np.sort(1 - 0.72 * rng.random(count) ** 0.6)[::-1] / (1 if count > 1 else 0.7)


def cluster(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Long crystals that rise side by side from a common foot."""
    count = _number(variety, rng)
    lying = count == 1 and rng.random() < 0.6
    bodies: list[Body] = []
    for number, size in enumerate(_sizes(count, rng)):
        tilt = variety.spread * (0.3 + 0.7 * number / count)
        direction = np.array([0.0, 0.0, 1.0]) + np.append(tilt * rng.standard_normal(2), 0)
        if lying:
            direction = np.array([1.0, 0.3 * rng.standard_normal(), 0.2])
        form = forms[number % len(forms)]
        reach = form.corners[:, 2].max()
        width = size * (0.75 + 0.5 * rng.random()) / (reach + 0.5)
        frame = turned(direction, rng.uniform(0, 7)) * width
        apart = min(0.55 * width * count**0.5, 0.3) * (number > 0)
        foot = np.append(apart * rng.standard_normal(2), 0)
        bodies.append(Crystal(form, frame, foot + frame[:, 2] * reach * 0.85, _shade(rng)))
    return bodies


def intergrown(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Blocky crystals grown into one another; parallel where the spread is small."""
    count = _number(variety, rng)
    main = any_rotation(rng)
    if variety.form == "cube":
        main = turned(np.array([0.0, 0.0, 1.0]), rng.uniform(0, 7))
    bodies: list[Body] = []
    for number, size in enumerate(_sizes(count, rng)):
        sway = turned(
            np.append(variety.spread * rng.standard_normal(2), 1),
            variety.spread * rng.standard_normal(),
        )
        frame = main @ sway * size * 0.62
        place = rng.standard_normal(3) * np.array([1.0, 1.0, 0.45])
        place *= (0.55 + 0.05 * count**0.5) / np.linalg.norm(place) * (number > 0)
        place[2] = abs(place[2]) * 0.7
        bodies.append(Crystal(forms[number % len(forms)], frame, place, _shade(rng)))
    return bodies


def scattered(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Separate crystals in any direction, apart from one another, as on a rock."""
    bodies: list[Body] = []
    for number, size in enumerate(_sizes(_number(variety, rng), rng)):
        form = forms[number % len(forms)]
        reach = float(np.linalg.norm(form.corners, axis=1).max())
        lift = np.append(rng.standard_normal(2), rng.uniform(0.0, 1.6))
        frame = turned(lift, rng.uniform(0, 7)) * size * 0.75 / reach
        angle, far = 2.4 * number + rng.uniform(-0.4, 0.4), 0.62 * (number > 0)
        far *= rng.uniform(0.8, 1.3)
        place = np.array([far * np.cos(angle), far * np.sin(angle), 0.3 * size])
        bodies.append(Crystal(form, frame, place, _shade(rng)))
    return bodies


def spray(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Needles that fan out from a point."""
    lean = np.append(0.5 * rng.standard_normal(2), 0.8)
    bodies: list[Body] = []
    for number in range(_number(variety, rng)):
        direction = lean + variety.spread * rng.standard_normal(3)
        direction[2] = abs(direction[2])
        form = forms[number % len(forms)]
        reach = form.corners[:, 2].max()
        width = rng.uniform(0.6, 1.3) / (2 * reach)
        frame = turned(direction, rng.uniform(0, 7)) * width
        bodies.append(Crystal(form, frame, frame[:, 2] * reach * 0.95, _shade(rng)))
    return bodies


def rosette(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Blades or plates that radiate like petals, their flat sides upright."""
    count = _number(variety, rng)
    bodies: list[Body] = []
    for number in range(count):
        height = rng.uniform(0.0, 1.0)
        around = 2.4 * number + rng.uniform(-0.3, 0.3)
        direction = np.array([np.cos(around), np.sin(around), 0.0]) * np.sqrt(1 - height**2)
        direction[2] = height
        form = forms[number % len(forms)]
        size = rng.uniform(0.32, 0.55)
        turn = rng.normal(0, 0.5)
        frame = turned(direction, turn) * size
        if variety.form == "hexagonal_plate":  # a plate stands on its rim
            frame = frame[:, [2, 1, 0]] * np.array([1, 1, -1])
        bodies.append(Crystal(form, frame, direction * rng.uniform(0.35, 0.62), _shade(rng)))
    return bodies


def plates(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Thin plates that stand on edge or lean on one another every way."""
    bodies: list[Body] = []
    for number, size in enumerate(_sizes(_number(variety, rng), rng)):
        face = rng.standard_normal(3) * np.array([1.0, 1.0, 0.9])
        frame = turned(face, rng.uniform(0, 7)) * size * 0.68
        angle, far = 2.4 * number, 0.6 * np.sqrt(rng.random()) * (number > 0)
        place = np.array([far * np.cos(angle), far * np.sin(angle), 0.3 * size])
        bodies.append(Crystal(forms[number % len(forms)], frame, place, _shade(rng)))
    return bodies


def foliated(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Leaves that lie nearly parallel, one on another, slipped sideways."""
    count = _number(variety, rng)
    face = np.append(0.7 * rng.standard_normal(2), 1.0)
    flat = turned(face, rng.uniform(0, 7))
    bodies: list[Body] = []
    for number in range(count):
        sway = turned(np.append(0.13 * rng.standard_normal(2), 1), 0.25 * rng.standard_normal())
        frame = flat @ sway * rng.uniform(0.4, 0.75)
        if variety.form == "blade":  # the flat side of a blade is across y
            frame = frame[:, [0, 2, 1]] * np.array([1, 1, -1])
            frame[:, 2] *= 0.7
        slip = flat @ np.append(0.3 * rng.standard_normal(2), 0.75 * (number / count - 0.4))
        bodies.append(Crystal(forms[number % len(forms)], frame, slip, _shade(rng)))
    return bodies


def botryoidal(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Bunches of balls on a low mound, like grapes."""
    count = _number(variety, rng)
    mound = np.array([1.0, rng.uniform(0.65, 1.0), rng.uniform(0.35, 0.6)]) * 0.75
    swell = rng.uniform(0.8, 1.4)
    bodies: list[Body] = [Crystal(forms[0], np.diag(mound * 0.8), np.zeros(3), 0.6)]
    for _ in range(count):
        direction = rng.standard_normal(3)
        direction[2] = abs(direction[2])
        place = direction / np.linalg.norm(direction) * mound
        radius = swell * rng.gamma(5.0, 0.24) / count**0.5
        bodies.append(_ball(place, min(max(radius, 0.06), 0.4), _shade(rng)))
    return bodies


def massive(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Broken lumps."""
    bodies: list[Body] = []
    for number, size in enumerate(_sizes(_number(variety, rng), rng)):
        place = np.append(0.5 * rng.standard_normal(2), 0) * (number > 0)
        frame = turned(np.append(0.3 * rng.standard_normal(2), 1), rng.uniform(0, 7)) * size * 0.85
        bodies.append(Crystal(forms[number % len(forms)], frame, place, _shade(rng)))
    return bodies


def nugget(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Rounded lumps run together, longer than wide."""
    spine = np.array([0.45, 0.25, 0.16]) * rng.uniform(0.7, 1.3, 3)
    return [
        _ball(rng.standard_normal(3) * spine, rng.uniform(0.16, 0.42))
        for _ in range(_number(variety, rng))
    ]


def dendrite(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """Small crystals strung on branches, as metals grow."""
    stem = np.append(rng.standard_normal(2), rng.uniform(0.2, 1.2))
    branches = [(-0.75 * stem / np.linalg.norm(stem), stem / np.linalg.norm(stem), 1.5)]
    for _ in range(int(rng.integers(5, 9))):
        start, along, reach = branches[int(rng.integers(len(branches)))]
        way = along + 0.9 * rng.standard_normal(3) * np.array([1, 1, 0.6])
        at = start + along * reach * rng.uniform(0.2, 0.9)
        branches.append((at, way / np.linalg.norm(way), reach * rng.uniform(0.35, 0.7)))
    total = sum(reach for *_, reach in branches)
    count = _number(variety, rng)
    bodies: list[Body] = []
    for start, along, reach in branches:
        for step in np.linspace(0, 1, max(2, round(count * reach / total))):
            stretch = np.array([1.0, 1.0, rng.uniform(1.2, 2.4)])
            frame = turned(along + 0.4 * rng.standard_normal(3), rng.uniform(0, 7)) * stretch
            size = rng.uniform(0.08, 0.16) * (1.25 - 0.6 * step)
            place = start + along * reach * step + 0.03 * rng.standard_normal(3)
            form = forms[len(bodies) % len(forms)]
            bodies.append(Crystal(form, frame * size, place, _shade(rng)))
    return bodies


def slab(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """A polished slice, lying or leaning."""
    across = rng.uniform(0.65, 1.0)
    lean = np.append(rng.normal(0, 0.22, 2), 1.0)
    frame = turned(lean, rng.uniform(0, 7)) * np.array([1.0, across, 1.0])
    return [Slab(frame, np.zeros(3))]


def disc(variety: Variety, forms: Forms, rng: np.random.Generator) -> list[Body]:
    """A flat sun of rays in shale: thin blades side by side around a centre."""
    bodies: list[Body] = []
    needle = FORMS["needle"](rng, 6.0)
    for angle in np.linspace(0, 2 * np.pi, 40, endpoint=False):
        way = np.array([np.cos(angle), np.sin(angle), rng.normal(0.05, 0.05)])
        frame = turned(way, rng.uniform(0, 7)) * rng.uniform(0.055, 0.068)
        bodies.append(Crystal(needle, frame, frame[:, 2] * 5.5 + [0, 0, 0.28], _shade(rng)))
    return bodies


HABITS: dict[str, Callable[[Variety, Forms, np.random.Generator], list[Body]]] = {
    habit.__name__: habit
    for habit in (
        *(cluster, intergrown, scattered, spray, rosette, plates, foliated),
        *(botryoidal, massive, nugget, dendrite, slab, disc),
    )
}


def grown(variety: Variety, rng: np.random.Generator) -> list[Body]:
    """The bodies of a new specimen of a variety; a few forms, each used for many crystals."""
    forms = [FORMS[variety.form](rng, rng.uniform(*variety.length)) for _ in range(2)]
    return HABITS[variety.habit](variety, forms, rng)
