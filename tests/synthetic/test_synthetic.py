"""Drawn dataset: equal seeds give equal pixels, every species is drawn, counts are right."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_recog.csv_files import read_rows
from mineral_recog.synthetic import drawn_set, sheet
from mineral_recog.synthetic.colours import linear_rgb, random_colour
from mineral_recog.synthetic.drawn_set import (
    DrawnSet,
    PhotoKey,
    _draw_chunk,
    class_counts,
    draw_set,
)
from mineral_recog.synthetic.habits import HABITS
from mineral_recog.synthetic.photo import draw_ground, draw_photo, draw_variety
from mineral_recog.synthetic.polyhedra import FORMS
from mineral_recog.synthetic.shading import LUSTRES, TRANSPARENCY
from mineral_recog.synthetic.sheet import contact_sheet
from mineral_recog.synthetic.species import Species, all_species, species_names
from mineral_recog.synthetic.textures import Array


def pixels(species: str, size: int, *seed: int) -> Array:
    photo = draw_photo(species, size, np.random.default_rng(seed))
    return np.asarray(photo, np.float32)


@pytest.mark.parametrize("species", species_names())
def test_each_species_is_drawn_and_not_flat(species: str) -> None:
    photo = draw_photo(species, 64, np.random.default_rng(1))
    assert (photo.mode, photo.size) == ("RGB", (64, 64))
    assert np.asarray(photo, np.float32).std() > 12


@pytest.mark.parametrize(
    ("species", "variety"),
    [(name, k) for name, s in all_species().items() for k in range(len(s.varieties))],
)
def test_each_variety_is_drawn(species: str, variety: int) -> None:
    photo = draw_variety(all_species()[species].varieties[variety], 32, np.random.default_rng(2))
    assert (photo.mode, photo.size) == ("RGB", (32, 32))
    assert np.asarray(photo, np.float32).std() > 8


def test_grounds_are_drawn_and_differ() -> None:
    grounds = [draw_ground(48, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert {(ground.mode, ground.size) for ground in grounds} == {("RGB", (48, 48))}
    first, again, other = map(np.asarray, grounds)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_36_species_are_sorted_from_common_to_rare() -> None:
    names = species_names()
    assert len(set(names)) == len(names) == 36
    assert names[:2] == ("Quartz", "Fluorite")
    assert names[-1] == "Torbernite"


def test_same_seed_gives_same_pixels_and_another_seed_does_not() -> None:
    assert np.array_equal(pixels("Quartz", 64, 5), pixels("Quartz", 64, 5))
    assert np.abs(pixels("Quartz", 64, 5) - pixels("Quartz", 64, 6)).mean() > 5


@pytest.mark.parametrize("species", ["Quartz", "Pyrite", "Malachite", "Agate", "Stibnite", "Opal"])
def test_same_seed_at_another_size_shows_the_same_picture(species: str) -> None:
    small = pixels(species, 64, 7)
    large = draw_photo(species, 128, np.random.default_rng(7)).resize(
        (64, 64), Image.Resampling.BOX
    )
    other = pixels(species, 64, 8)
    difference = np.abs(small - np.asarray(large, np.float32)).mean()
    assert difference < 12
    assert difference < 0.4 * np.abs(small - other).mean()


def test_photos_have_the_requested_size() -> None:
    assert draw_photo("Gold", 33, np.random.default_rng(0)).size == (33, 33)
    assert draw_photo("Gold", 512, np.random.default_rng(0)).size == (512, 512)


def test_species_differ_in_colour() -> None:
    def mean_colour(species: str) -> Array:
        drawn = [pixels(species, 32, 9, k) for k in range(16)]
        return np.asarray(np.mean(drawn, axis=(0, 1, 2)))

    malachite, ruby, azurite = (mean_colour(s) for s in ("Malachite", "Ruby", "Azurite"))
    assert malachite[1] - malachite[0] > ruby[1] - ruby[0] + 10
    assert azurite[2] - azurite[1] > malachite[2] - malachite[1] + 10


def test_class_counts() -> None:
    counts = class_counts(244, 81.4, 36)
    assert (counts[0], counts[-1]) == (244, 3)
    assert counts[1] == round(244 * 81.4 ** (-1 / 35)) == 215
    assert counts == sorted(counts, reverse=True)
    assert class_counts(100, 100, 3) == [100, 10, 1]
    assert class_counts(2, 1000, 2) == [2, 1]
    assert class_counts(7, 10, 1) == [7]


@pytest.mark.parametrize("species", all_species().values(), ids=species_names())
def test_varieties_are_well_defined(species: Species) -> None:
    weights = [variety.weight for variety in species.varieties]
    assert sum(weights) == pytest.approx(1)
    assert weights == sorted(weights, reverse=True)
    for variety in species.varieties:
        assert variety.habit in HABITS
        assert variety.form in FORMS
        assert variety.lustre in LUSTRES
        assert variety.transparency in TRANSPARENCY


def test_varieties_are_drawn_by_their_weights() -> None:
    quartz, rng = all_species()["Quartz"], np.random.default_rng(0)
    drawn = Counter(quartz.random_variety(rng).name for _ in range(4000))
    for variety in quartz.varieties:
        assert drawn[variety.name] / 4000 == pytest.approx(variety.weight, abs=0.03)


def test_dataset_is_the_same_for_any_number_of_workers_and_further_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = species_names()[:9]  # fewer, to be quick
    monkeypatch.setattr(drawn_set, "species_names", lambda: names)
    monkeypatch.setattr(drawn_set, "CHUNK_SIZE", 7)
    progress: list[tuple[int, int]] = []
    drawn, attributes = {}, {}
    for workers, attribute_test in ((1, 0), (2, 2)):
        out = tmp_path / str(workers)
        monkeypatch.setattr("os.cpu_count", lambda count=workers: count)
        draw_set(
            out,
            DrawnSet(largest=3, val=1, test=1, size=24, attribute_test=attribute_test),
            seed=3407,
            on_drawn=lambda *done: progress.append(done),
        )
        drawn[workers] = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*.png")}
        rows = list(read_rows(out / "attributes.csv", ("photo", "attribute"), 10**6))
        attributes[workers] = {row["photo"]: row["attribute"] for _, row in rows}
    total = sum(class_counts(3, 81.4, 9)) + 2 * 9
    assert len(drawn[1]) == total
    varieties = [v.name for name in names for v in all_species()[name].varieties]
    assert progress[-1] == (total + 2 * len(varieties),) * 2
    for both in (drawn, attributes):
        extra = {path: both[2].pop(path) for path in list(both[2]) if "test_balanced" in path}
        assert both[1] == both[2]
        assert both[1].keys() == drawn[1].keys()
        assert len(extra) == 2 * len(varieties)
    assert Counter(extra.values()) == Counter(2 * varieties)
    first = np.asarray(Image.open(tmp_path / "2" / "train" / "Quartz" / "0001.png"))
    expected = draw_photo("Quartz", 24, np.random.default_rng([3407, 0, 0, 1]))
    assert np.array_equal(first, np.asarray(expected))


def test_attributes_are_the_varieties_that_the_photos_show(tmp_path: Path) -> None:
    keys = [PhotoKey(0, 0, 1), PhotoKey(3, 0, 4, 1)]
    (tmp_path / "train" / "Quartz").mkdir(parents=True)
    (tmp_path / "test_balanced" / "Quartz").mkdir(parents=True)
    for key, (path, name) in zip(keys, _draw_chunk(tmp_path, keys, 24, 3407), strict=True):
        quartz, rng = all_species()["Quartz"], np.random.default_rng([3407, *key[:3]])
        variety = quartz.random_variety(rng) if key.variety is None else quartz.varieties[1]
        assert name == variety.name
        expected = draw_variety(variety, 24, rng)
        assert np.array_equal(np.asarray(Image.open(tmp_path / path)), np.asarray(expected))


def test_contact_sheet_shows_every_species(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "TRIALS", 1)
    drawn = contact_sheet(size=24, columns=6)
    assert drawn.width < drawn.height
    gap, line = 2, 10
    for row in range(6):
        for column in range(6):
            left, top = gap + column * (24 + gap), gap + row * (24 + line + gap)
            photo = np.asarray(drawn.crop((left, top, left + 24, top + 24)), np.float32)
            assert photo.std() > 8


def test_contact_sheet_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    three_species = dict(list(all_species().items())[:3])
    monkeypatch.setattr(sheet, "all_species", lambda: three_species)
    first, second = (np.asarray(contact_sheet(size=24, columns=6)) for _ in range(2))
    assert np.array_equal(first, second)


def test_random_colour_lies_between_two_neighbours() -> None:
    rng = np.random.default_rng(0)
    assert random_colour(("#ff8000",), rng).tolist() == linear_rgb("#ff8000").tolist()
    assert linear_rgb("#ff8000").tolist() == pytest.approx([1, 0.2158605, 0])  # by IEC 61966-2-1
    drawn = np.array([random_colour(("#000000", "#ff0000", "#ffff00"), rng) for _ in range(200)])
    red, green, blue = drawn.T
    assert not blue.any()
    assert (green[red < 1] == 0).all()
    assert 50 < (green > 0).sum() < 150
