"""What the offline page must know to use evidence: the JSON that its JavaScript reads.

All that depends on the classes alone is computed here, so that JavaScript computes only what
depends on the question. What reads it: `page/offline/evidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from mineral_recog.export.web_patterns import evidence_patterns
from mineral_recog.identify import likelihood, next_test, observers, test_instructions
from mineral_recog.identify.answer import MAX_LOOKALIKES, MIN_PROBABILITY
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.expected_texts import EXPECTED
from mineral_recog.identify.fact_text import CHINESE_NAMES, SCALE_NAMES, fact_text, outcome_text
from mineral_recog.identify.hazards import ADVICE, MAX_NAMED, Hazard, is_safe_for, reasons
from mineral_recog.identify.known_minerals import known_minerals
from mineral_recog.identify.likelihood import OUTCOMES, SCALES, tested_fact
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.next_test import LABELS
from mineral_recog.identify.taxon import Taxon, find_taxon
from mineral_recog.identify.test_instructions import Procedure
from mineral_recog.identify.test_procedures import OTHER_TESTS, SCRATCH_TESTS
from mineral_recog.minerals.facts import Mineral, MineralTable
from mineral_recog.minerals.taxonomy import Taxonomy

TESTS = tuple(test.name for test in fields(Evidence))


def web_tables(model: str, classes: Sequence[str], table: MineralTable) -> dict[str, Any]:
    """Return the tables for the classes of a model as JSON values.

    Args:
        model: Fingerprint of the model.
        classes: Names of the C classes.
        table: The table of minerals.

    Raises:
        DataError: The table of minerals does not fit the taxonomy.
    """
    taxonomy = Taxonomy(table)
    taxa = [find_taxon(name, table, taxonomy) for name in classes]
    minerals = [table.find(name) for name in classes]
    likelihoods = LikelihoodTables(minerals)
    return {
        "minerals": known_minerals(model, classes, taxa, minerals),
        "tests": TESTS,
        "expected": EXPECTED,
        "patterns": evidence_patterns(),
        "limits": _limits(),
        "observers": _observers(),
        "outcomes": {test: [*outcomes] for test, outcomes in OUTCOMES.items()},
        "ranges": {
            test: [tested_fact(test, m) if m else None for m in minerals] for test in SCALES
        },
        "likelihoods": {
            test: _columns(likelihoods.tables[test]) for test in OUTCOMES if test not in SCALES
        },
        "outcome_texts": {
            test: {_key(outcome): outcome_text(test, outcome) for outcome in outcomes}
            for test, outcomes in OUTCOMES.items()
            if test not in SCALES
        },
        "outcome_labels": {"scales": SCALE_NAMES, "several": CHINESE_NAMES},
        "fact_labels": LABELS,
        "fact_texts": {
            test: [fact_text(test, m) if m else None for m in minerals] for test in OUTCOMES
        },
        "scratch_tests": [
            {"limit": limit, **_procedure(test, likelihoods)}
            for limit, test in SCRATCH_TESTS.items()
        ],
        "other_tests": [_procedure(test, likelihoods) for test in OTHER_TESTS],
        "hazards": _hazards(),
        **_taxa(taxa),
        "mineral_of_class": _numbers(minerals),
    }


def _limits() -> dict[str, Any]:
    """Return the limits on what is said."""
    return {
        "test_bits": next_test.MIN_TEST_BITS,
        "danger": next_test.MIN_DANGER,
        "facts": next_test.MAX_FACTS,
        "odds": next_test.MAX_ODDS,
        "named_minerals": test_instructions.MAX_NAMED,
        "named_taxa": MAX_NAMED,
        "lookalikes": MAX_LOOKALIKES,
        "lookalike": MIN_PROBABILITY,
    }


def _observers() -> dict[str, Any]:
    """Return how people measure hardness and density, and the weights of what a photo shows."""
    return {
        "scales": SCALES,
        "hardness_error": likelihood.HARDNESS_ERROR,
        "density_error": likelihood.DENSITY_ERROR,
        "blunder_rate": observers.BLUNDER_RATE,
        "width_share": likelihood.MIN_WIDTH_SHARE,
        "z_width": likelihood.MIN_Z_WIDTH,
        "photo_weights": observers.PHOTO_WEIGHTS,
        "several_words": likelihood.SEVERAL_WORDS,
    }


def _key(outcome: object) -> str:
    """Return an outcome as JavaScript writes it as text."""
    return str(outcome).lower() if isinstance(outcome, bool) else str(outcome)


def _columns(table: likelihood.Floats) -> dict[str, Any]:
    """Return P(outcome | class), [O, C]: its different columns, and the number of that of a class.

    The number is None for a class whose fact is unknown.
    """
    numbers: dict[tuple[float, ...], int] = {}
    of_class = [
        None if np.isnan(column[0]) else numbers.setdefault(tuple(column), len(numbers))
        for column in table.T.tolist()
    ]
    return {"columns": [*numbers], "of_class": of_class}


def _procedure(test: Procedure, likelihoods: LikelihoodTables) -> dict[str, Any]:
    """Return how a test is done, its different results, and the number of that of each class.

    The number is None, and so is the name, for a class whose fact is unknown.
    """
    results = test.results(likelihoods)
    different = [*dict.fromkeys(result for result in results if result is not None)]
    return {
        "key": test.key,
        "label": test.label,
        "instruction": test.instruction,
        "caution": test.caution,
        "results": [asdict(result) for result in different],
        "of_class": [None if result is None else different.index(result) for result in results],
        "names": [
            None if mineral is None or result is None else test.name(mineral)
            for mineral, result in zip(likelihoods.minerals, results, strict=True)
        ],
    }


def _hazards() -> list[dict[str, Any]]:
    """Return the kinds of hazards, with their texts."""
    return [
        {
            "kind": kind,
            "names": Hazard(kind, (), {}).to_dict()["names"],
            "danger": advice.danger,
            "possible": advice.possible,
            "remedy": advice.remedy,
        }
        for kind, advice in ADVICE.items()
    ]


def _taxa(taxa: Sequence[Taxon | None]) -> dict[str, Any]:
    """Return the different taxa of the classes, and the number of that of each class."""
    different = [*dict.fromkeys(taxon for taxon in taxa if taxon is not None)]
    return {
        "taxa": [_taxon(taxon) for taxon in different],
        "taxon_of_class": [None if taxon is None else different.index(taxon) for taxon in taxa],
    }


def _taxon(taxon: Taxon) -> dict[str, Any]:
    """Return what is dangerous about a mineral or group, and why tests do harm with it."""
    own = () if taxon.mineral is None else taxon.mineral.hazard
    return {
        "phrase": taxon.phrase,
        "dangers": {
            kind: "danger" if kind in own else "possible"
            for kind in ADVICE
            if any(kind in mineral.hazard for mineral in taxon.minerals)
        },
        "harmful": {
            test: [reason for mineral in taxon.minerals for reason in reasons(test, mineral)]
            for test in TESTS
            if not is_safe_for(test, taxon)
        },
    }


def _numbers(minerals: Sequence[Mineral | None]) -> list[int | None]:
    """Return the number of the mineral of each class; classes of one mineral have one number."""
    different = [*dict.fromkeys(mineral for mineral in minerals if mineral is not None)]
    return [None if mineral is None else different.index(mineral) for mineral in minerals]
