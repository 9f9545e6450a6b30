"""Simulate light: lamps, surroundings and shadows."""

from dataclasses import dataclass

import numpy as np

from mineral_recog.synthetic.textures import Array, blurred, dot, smoothstep


@dataclass(frozen=True)
class Light:
    """The lighting: unit directions (3,) to the key lamp, to a strip lamp and up; colours (3,)."""

    key: Array
    strip: Array
    up: Array
    colour: Array
    sky: Array
    bounce: Array
    hardness: float


def random_light(rng: np.random.Generator, up: Array) -> Light:
    """Return a random set-up: daylight or lamp, warm or cold, from any side above."""
    angle, height = rng.uniform(0.15, 0.85) * np.pi, rng.uniform(0.5, 1.1)
    if rng.random() < 0.2:
        angle += np.pi * rng.uniform(0.3, 0.7)
    key = np.array([np.cos(angle), np.sin(angle), height])
    strip = np.array([-np.cos(angle) * 1.2, 0.35, rng.uniform(0.1, 0.7)])
    warmth = rng.normal(0, 0.09)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    share = rng.uniform(0.35, 0.8)  # of the lamp in the total light
    sky = np.array([0.93, 0.98, 1.06]) * (1.05 - 0.75 * share)
    return Light(
        key=_unit(key),
        strip=_unit(strip),
        up=up.astype(np.float32),
        colour=(tint * 2.6 * share).astype(np.float32),
        sky=sky.astype(np.float32),
        bounce=(0.35 * sky * np.array([1.05, 1.0, 0.93])).astype(np.float32),
        hardness=float(rng.uniform(1.2, 4.0)),
    )


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def environment(light: Light, directions: Array) -> Array:
    """Return what a mirror reflects from directions (3, n): sky, table and two soft lamps."""
    height = smoothstep(-0.35, 0.75, dot(light.up, directions))
    lamps = 1.76 * smoothstep(0.72, 0.93, dot(light.key, directions))
    lamps += 0.44 * smoothstep(0.8, 0.95, dot(light.strip, directions))
    low, sky, lamp = (c[:, None] for c in (0.5 * light.bounce, light.sky, light.colour))
    return np.asarray(low + sky * height + lamp * lamps)


def shadow(depth: Array, light: Light) -> Array:
    """Return the share of lamp light that reaches each pixel of a depth map (side, side)."""
    side = len(depth)
    block = np.zeros_like(depth)
    for step in np.geomspace(0.025, 1.25, 14).tolist():
        right, up = (round(float(v) * step * side / 2) for v in light.key[:2])
        if max(abs(right), abs(up)) >= side:
            break
        ahead = depth[max(-up, 0) : side - max(up, 0), max(right, 0) : side + min(right, 0)]
        window = slice(max(up, 0), side - max(-up, 0)), slice(max(-right, 0), side - max(right, 0))
        rise = ahead - depth[window] - np.float32(light.key[2] * step + 0.015)
        np.maximum(block[window], rise * np.float32(light.hardness / step), out=block[window])
    return blurred(1 - np.minimum(block, 1), 0.025)


def sky_visibility(depth: Array) -> Array:
    """Return the share of sky that each pixel sees, 0.25 to 1: less where its surroundings rise."""
    hollow = np.zeros_like(depth)
    for radius, weight in ((0.07, 3.2), (0.22, 2.0), (0.5, 0.8)):
        hollow += np.float32(weight) * np.clip(blurred(depth, radius) - depth, 0, 0.35)
    return np.asarray(np.maximum(1 - hollow, 0.25))
