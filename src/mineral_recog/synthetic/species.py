"""Read the appearance of the 36 minerals from species.yaml."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import yaml


@dataclass(frozen=True)
class Variety:
    """One appearance of a mineral, drawn in the share `weight` of its pictures.

    `habit` names the arrangement of the crystals and `form` their shape; `count` is the range of
    their number and `length` the range of length to width. Colours are hexadecimal sRGB; each
    drawing uses a colour between two neighbours. `tips` are the colours of the crystals' tips.
    `spread` is the spread of directions (0 parallel, 1 all directions), `striation` the depth of
    the lines on faces, and `matrix` the share drawn on a rock of the colours `rock`. `pattern`
    names a pattern drawn on the mineral.
    """

    name: str
    weight: float
    habit: str
    colours: tuple[str, ...]
    lustre: str
    transparency: str
    form: str = "chunk"
    count: tuple[int, int] = (1, 1)
    length: tuple[float, float] = (1.0, 1.0)
    tips: tuple[str, ...] = ()
    spread: float = 0.5
    striation: float = 0.0
    matrix: float = 0.0
    rock: tuple[str, ...] = ("#8d8983", "#5f5a52", "#b9b3a6", "#6e5a45")
    pattern: str = ""


@dataclass(frozen=True)
class Species:
    """A mineral and its varieties, most frequent first."""

    name: str
    varieties: tuple[Variety, ...]

    def random_variety(self, rng: np.random.Generator) -> Variety:
        """Return a random variety, chosen by weight."""
        weights = np.array([variety.weight for variety in self.varieties])
        return self.varieties[int(rng.choice(len(weights), p=weights / weights.sum()))]


@lru_cache(maxsize=1)
def all_species() -> dict[str, Species]:
    """Return every species by name, from most to least often photographed."""
    text = resources.files(__package__).joinpath("species.yaml").read_text(encoding="utf-8")
    return {entry["name"]: _species(entry) for entry in yaml.safe_load(text)}


def _species(entry: dict[str, Any]) -> Species:
    shared = {key: entry[key] for key in ("lustre", "transparency")}
    varieties = tuple(_variety({**shared, **fields}) for fields in entry["varieties"])
    return Species(entry["name"], varieties)


def _variety(fields: dict[str, Any]) -> Variety:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Variety(**{**fields, **lists})


def species_names() -> tuple[str, ...]:
    """Return the names of the 36 minerals, from common to rare."""
    return tuple(all_species())
