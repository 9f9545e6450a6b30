"""Cost of an answer's own Python, without the network: from logits to JSON values.

    OMP_NUM_THREADS=1 python benchmarks/answer_cost.py

The classes are minerals of the shipped table. Logits are normal with standard deviation 1, so that
many minerals are likely, which costs most. Half of the classes have too few validation photos for
their own threshold and share them. A time is the shortest of 50, since other work only adds to it.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from functools import partial

import numpy as np

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.ood import OodDetector, RelativeDistance
from mineral_recog.identify.answer import PhotoOutputs, answer_from_outputs
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.roll_up import RollUp
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy

CLASS_COUNTS, REPEATS, TOP = (7, 36, 100, 199), 50, 5
EVIDENCE = Evidence(hardness=(2.5, 6.2), density=(2.6, 4.3), magnetic=False)


def milliseconds(call: Callable[[], object]) -> float:
    """Return the shortest time of a call."""
    return 1000 * min(timeit.repeat(call, number=1, repeat=REPEATS))


def main() -> None:
    """Measure and print a line per number of classes."""
    table, rng = read_minerals(), np.random.default_rng(0)
    minerals, taxonomy = tuple(table), Taxonomy(table)
    print("classes  once a model  an answer  with three tests  (ms)")
    for count in CLASS_COUNTS:
        photos = tuple(3 + 17 * (label % 2) for label in range(count))  # of validation
        scores = np.concatenate([np.sort(rng.random(n)) for n in photos]).astype(np.float32)
        none = np.zeros((count, 1), dtype=np.float32)
        conformal = ConformalScores(scores, photos, ("tail",) * count)
        detector = OodDetector(RelativeDistance(none, none, none[:1], none, 0.0), 0.0, 1.0, 1.0)
        calibration = Calibration(1.0, conformal, detector)
        classes = tuple(mineral.name for mineral in minerals[:count])
        advisor = TestAdvisor(minerals[:count])
        photo = PhotoOutputs(rng.normal(size=count).astype(np.float32), 0.0)
        roll_up = RollUp(classes, taxonomy)
        answer = partial(answer_from_outputs, [photo], classes, advisor, roll_up, calibration)
        once = milliseconds(partial(TestAdvisor, minerals[:count]))
        without, with_tests = (
            milliseconds(lambda answer=answer, e=e: answer(e, 0.9).to_dict(TOP))
            for e in (Evidence(), EVIDENCE)
        )
        print(f"{count:7} {once:13.1f} {without:10.2f} {with_tests:17.2f}")


if __name__ == "__main__":
    main()
