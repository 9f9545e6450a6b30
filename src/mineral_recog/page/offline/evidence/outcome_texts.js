// The outcomes of tests in words, for the user to check. As in identify/fact_text.py.

import { joinTexts } from "./joined_texts.js";
import { distinctOutcomes } from "./read_evidence.js";
import { general } from "./typed_text.js";

// The outcome of every test; null for one that was not done.
export const allOutcomes = (tables, outcomes) => Object.fromEntries(tables.tests.map((test) => [test, outcomes[test] ?? null]));

// Null if no test was done.
export function outcomesText(tables, outcomes) {
  const texts = Object.entries(distinctOutcomes(outcomes)).map(([test, outcome]) => outcomeText(tables, test, outcome));
  if (texts.length === 0) return null;
  return { en: texts.map((text) => text.en).join(", "), zh: texts.map((text) => text.zh).join("，") };
}

function outcomeText(tables, test, outcome) {
  if (test in tables.observers.scales) return measuredText(tables, test, outcome);
  const textOf = tables.outcome_texts[test];
  if (!Array.isArray(outcome)) return textOf[outcome];
  if (outcome.length === 1) return textOf[outcome[0]];
  const joined = joinTexts(outcome.map((word) => tables.minerals.words[test].find((listed) => listed.en === word)));
  return { en: `${test} ${joined.en}`, zh: `${tables.outcome_labels.several[test] ?? ""}${joined.zh}` };
}

// `hardness at least 5.5`
function measuredText(tables, test, [low, high]) {
  const [lowest, highest] = tables.observers.scales[test];
  const name = tables.outcome_labels.scales[test];
  if (high === highest && low !== lowest) return limitText(test, `${name}不低于`, "at least", low);
  if (low === lowest && high !== highest) return limitText(test, `${name}不高于`, "at most", high);
  const [from, to, unit] = [general(low, 4), general(high, 4), unitOf(test)];
  if (from === to) return { en: `${test} ${from}${unit}`, zh: `${name} ${from}${unit}` };
  return { en: `${test} ${from} to ${to}${unit}`, zh: `${name} ${from}–${to}${unit}` };
}

const unitOf = (test) => (test === "density" ? " g/cm³" : "");

function limitText(test, chinese, english, limit) {
  const value = `${general(limit, 4)}${unitOf(test)}`;
  return { en: `${test} ${english} ${value}`, zh: `${chinese} ${value}` };
}
