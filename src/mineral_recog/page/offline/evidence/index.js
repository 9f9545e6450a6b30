// Evidence of physical tests, offline: what the server computes from probabilities and evidence.
//
// `tables` is the JSON of `export/web_tables.py` for the classes of a model. It holds what depends only on the classes.
// Arrays [C] have one entry for each class, in the order of the logits. Texts are {en, zh}, as in the API.
//
// applyEvidence(tables, byPhoto, question): the parts of the API's answer that depend on evidence.
//   byPhoto   [C], calibrated probabilities by the photos alone
//   question  {
//     evidence      {hardness: ">5", streak: "white", ...} as in the API; by default {}
//     language      "en" or "zh": of the message of an error
//     inSet         probabilities [C] => [C] of booleans: which classes are in the set
//     named         probabilities [C] => [{name, probability}]: `whole`, `first` and `parts` of the roll-up (RolledUp)
//     isNoMineral   whether the photos show no mineral: then there are no hazards and no cautions
//     top           number of candidates; by default 10
//   }
//   returns {
//     probabilities [C], not rounded, by photo and evidence: for `rolled_up` and `set`
//     order         [C], the classes' indices, most likely first
//     inSet         [C], as the question's function gave it
//     answer        {candidates, hazards, evidence, evidence_text, unknown_to_table, tests, tests_left_out, cautions,
//                    lookalikes}: these keys of the API's answer, with the same values
//   }
//   throws EvidenceError
//
// readEvidence(tables, texts, language): the tests that were done and their outcomes; throws EvidenceError.
//
// EvidenceError: `message` is the API's message of status 422 in the language, `field` the key of the wrong result.
//
// minerals(tables): the JSON of GET /minerals.

import { tableOf } from "./class_tables.js";
import { cautionsOf, hazardsOf } from "./hazards.js";
import { posterior } from "./likelihood.js";
import { lookalikes, nextTests } from "./next_test.js";
import { allOutcomes, outcomesText } from "./outcome_texts.js";
import { readEvidence } from "./read_evidence.js";

export { EvidenceError } from "./typed_text.js";
export { readEvidence };

export const minerals = (tables) => tables.minerals;

export function applyEvidence(tables, byPhoto, { evidence = {}, language, inSet, named, isNoMineral, top = 10 }) {
  const outcomes = readEvidence(tables, evidence, language);
  const table = tableOf(tables);
  const prior = Array.from(byPhoto); // of 64 bits
  const probabilities = posterior(table, prior, outcomes);
  const order = mostLikelyFirst(probabilities);
  const chosen = inSet(probabilities);
  const likelyNames = named(probabilities).filter((part) => part.probability >= tables.limits.danger);
  const names = new Set(likelyNames.map((part) => part.name));
  const dangerous = order.filter((label, rank) => rank === 0 || chosen[label] || names.has(table.classes[label].class));
  const possible = order.filter((label) => chosen[label] || probabilities[label] >= tables.limits.danger);
  const candidates = order.slice(0, top).map((label) => ({
    ...table.classes[label],
    probability: round(probabilities[label], 6),
    by_photo: round(prior[label], 6),
    in_set: chosen[label],
    hazards: hazardsOf(tables, [label]),
  }));
  const answer = {
    candidates,
    hazards: isNoMineral ? [] : hazardsOf(tables, dangerous),
    evidence: allOutcomes(tables, outcomes),
    evidence_text: outcomesText(tables, outcomes),
    unknown_to_table: table.classes.filter((known) => known.mineral === null).map((known) => known.class),
    ...nextTests(table, probabilities, outcomes, chosen, order),
    cautions: isNoMineral ? [] : cautionsOf(tables, possible),
    lookalikes: lookalikes(table, probabilities, order, chosen),
  };
  return { probabilities, order, inSet: chosen, answer };
}

const round = (number, digits) => Number(number.toFixed(digits));

export function mostLikelyFirst(probabilities) {
  return [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
}
