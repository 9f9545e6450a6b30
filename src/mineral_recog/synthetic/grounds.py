"""Draw the grounds that specimens lie on, and the props that photographers put next to them."""

from collections.abc import Callable

import numpy as np

from mineral_recog.synthetic.colours import linear_rgb, random_colour
from mineral_recog.synthetic.textures import Array, noise, smoothstep

Ground = tuple[Array, Array]  # colour (3, side, side) in linear RGB and height (side, side)


def _coloured(colour: Array, lightness: Array) -> Array:
    return np.asarray(colour[:, None, None] * np.maximum(lightness, 0.02)[None], np.float32)


def studio(rng: np.random.Generator, side: int) -> Ground:
    """Draw paper or acrylic that fades from light to dark: black, grey, white or a colour."""
    tones = (
        ("#0c0c0e", "#26272b"),
        ("#5c6068", "#9a9ea6"),
        ("#dcdcdc", "#f6f6f4"),
        ("#2c4460", "#7c98b0"),
        ("#5c4838", "#a08c78"),
    )
    chosen = tones[int(rng.choice(5, p=(0.3, 0.22, 0.26, 0.12, 0.1)))]
    near, far = random_colour(chosen, rng), random_colour(chosen, rng)
    slope = np.linspace(0, 1, side, dtype=np.float32)[:, None] + 0.1 * noise(rng, side, (2, 2))
    colour = far[:, None, None] * (1 - slope) + near[:, None, None] * slope
    return np.maximum(colour, 0.001).astype(np.float32), np.zeros((side, side), np.float32)


def velvet(rng: np.random.Generator, side: int) -> Ground:
    """Draw folded dark velvet with a pile."""
    colour = random_colour(("#101014", "#1c1430", "#301018", "#0e2418", "#141c34"), rng)
    folds = noise(rng, side, (2.5, 2.5), 2)
    fine = noise(rng, side, (70, 70))
    return _coloured(colour, 1 + 0.35 * folds + 0.3 * fine), 0.05 * folds + 0.003 * fine


def cloth(rng: np.random.Generator, side: int) -> Ground:
    """Draw woven cloth: linen, canvas, jeans."""
    colour = random_colour(("#c8bca4", "#8c8474", "#d8d4cc", "#4c5c74", "#6c5c4c"), rng)
    folds = noise(rng, side, (2.5, 2.5))
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    threads = float(rng.uniform(14, 26)) * np.pi
    weave = np.sin(threads * (axis[None, :] + 0.02 * folds)) * np.sin(
        threads * (axis[:, None] - 0.02 * folds)
    )
    light = 1 + 0.14 * weave + 0.07 * noise(rng, side, (60, 60))
    return _coloured(colour, light), 0.004 * weave + 0.03 * folds


def wood(rng: np.random.Generator, side: int) -> Ground:
    """Draw a board, its grain along or across the picture."""
    colour = random_colour(("#8c5c34", "#5c3820", "#b88c5c", "#a0764c", "#4a3424"), rng)
    drift = noise(rng, side, (1.5, 4), 2)
    grain = noise(rng, side, (3, 60), 2)
    axis = np.linspace(-1, 1, side, dtype=np.float32)[None, :]
    rings = np.sin(float(rng.uniform(8, 20)) * (axis + 0.22 * drift))
    light = 1 + 0.16 * rings + 0.16 * grain
    if rng.random() < 0.5:
        light = np.ascontiguousarray(light.T)
    return _coloured(colour, light), 0.004 * light


def sand(rng: np.random.Generator, side: int) -> Ground:
    """Draw sand or fine gravel."""
    colour = random_colour(("#d8c49c", "#b89c74", "#c8bcac", "#8c8478"), rng)
    grains = noise(rng, side, (48, 48), 2)
    ripple = noise(rng, side, (3, 3))
    return _coloured(colour, 1 + 0.2 * grains + 0.08 * ripple), 0.006 * grains + 0.03 * ripple


def stone(rng: np.random.Generator, side: int) -> Ground:
    """Draw rock, slate or concrete."""
    colour = random_colour(("#4c5054", "#7c7870", "#a8a49c", "#3c3c40", "#6c5c4c"), rng)
    lumps = noise(rng, side, (4, 4), 5)
    fine = noise(rng, side, (50, 50))
    return _coloured(colour, 1 + 0.18 * lumps + 0.12 * fine), 0.022 * lumps + 0.002 * fine


def palm(rng: np.random.Generator, side: int) -> Ground:
    """Draw a hand from close up: skin with soft folds."""
    colour = random_colour(("#e8b898", "#d09878", "#a87050", "#704830"), rng)
    folds = noise(rng, side, (2, 3), 2)
    creases = smoothstep(0.0, 0.12, np.abs(noise(rng, side, (2, 2), 2)))
    light = 0.95 + 0.1 * folds + 0.16 * (creases - 1) + 0.03 * noise(rng, side, (50, 50))
    return _coloured(colour, light), 0.12 * folds + 0.02 * creases


GROUNDS: tuple[tuple[Callable[[np.random.Generator, int], Ground], float], ...] = (
    (studio, 0.46),
    (velvet, 0.1),
    (cloth, 0.09),
    (wood, 0.1),
    (sand, 0.08),
    (stone, 0.11),
    (palm, 0.06),
)


def random_ground(rng: np.random.Generator, side: int) -> Ground:
    """Draw a random ground; nearly half of them are plain."""
    shares = [share for _, share in GROUNDS]
    ground, _ = GROUNDS[int(rng.choice(len(GROUNDS), p=shares))]
    return ground(rng, side)


def add_prop(rng: np.random.Generator, colour: Array, tilt: float) -> None:
    """Add a card, a scale bar or a coin to one ground in five; changes `colour` in place.

    `tilt` is the ratio of the ground's height in the picture to its depth, 1 seen from above.
    """
    if rng.random() < 0.8:
        return
    side = colour.shape[-1]
    centre = np.array([rng.choice((-0.72, 0.72)), rng.uniform(-0.9, -0.55)]) + rng.normal(
        0, 0.06, 2
    )
    turn, size = rng.normal(0, 0.15), rng.uniform(0.8, 1.2)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = axis[None, :] - centre[0], (-axis[:, None] - centre[1]) / tilt
    right, up = (
        (x * np.cos(turn) + y * np.sin(turn)) / size,
        (y * np.cos(turn) - x * np.sin(turn)) / size,
    )
    match ("card", "bar", "coin")[int(rng.choice(3, p=(0.4, 0.35, 0.25)))]:
        case "card":
            inside = (np.abs(right) < 0.42) & (np.abs(up) < 0.26)
            lines = (np.sin(up * 42) > 0.55) & (np.abs(right + 0.06) < 0.28) & (np.abs(up) < 0.2)
            _paint(colour, inside, linear_rgb("#f2efe6"))
            _paint(colour, lines, linear_rgb("#55534f"))
        case "bar":
            inside = (np.abs(right) < 0.5) & (np.abs(up) < 0.07)
            _paint(colour, inside, linear_rgb("#f4f4f4"))
            _paint(colour, inside & (np.sin(right * 20) > 0), linear_rgb("#151515"))
        case "coin":
            distance = np.sqrt(right**2 + up**2)
            _paint(colour, distance < 0.25, random_colour(("#b87848", "#c8c8c8", "#d0b468"), rng))
            colour *= 1 - 0.4 * (np.abs(distance - 0.215) < 0.014)


def _paint(colour: Array, where: Array, paint: Array) -> None:
    colour[:, where] = paint[:, None]
