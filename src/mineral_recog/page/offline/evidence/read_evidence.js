// Evidence from the texts of a form, as the API reads it: identify/evidence.py and serve/request_schemas.py.
//
// Outcomes are {test: outcome} of the tests that were done: an interval [low, high] for hardness and density, a list of
// words for colours and habit, true, false or "weak" for reactions, a number of directions, or a word.

import { joinCleavage, readCleavage, readDirections } from "./cleavage.js";
import { parseDensity, parseHardness } from "./measurement.js";
import { parseAcid, parseMagnetic } from "./reactions.js";
import { EvidenceError, strip } from "./typed_text.js";
import { parseWord, parseWords } from "./words.js";

const PARSERS = {
  hardness: parseHardness,
  density: parseDensity,
  magnetic: parseMagnetic,
  acid: parseAcid,
  cleavage: readCleavage,
  cleavage_directions: readDirections,
};

export function readEvidence(tables, texts, language) {
  check(tables, texts, language);
  const done = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== null && text !== undefined && strip(text)));
  const found = {};
  for (const test of tables.tests) if (test in done) found[test] = parse(tables, test, done[test], language);
  return doneOnly(tables, { ...found, ...joined(found, done, language) });
}

// Two fields say something about cleavage.
function joined({ cleavage: quality, cleavage_directions: directions }, done, language) {
  if (!quality || !directions) return quality ?? directions;
  return joinCleavage(quality, directions, [done.cleavage, done.cleavage_directions], language);
}

// Without tests that were not done, in the order of the API.
function doneOnly(tables, found) {
  return Object.fromEntries(tables.tests.filter((test) => (found[test] ?? null) !== null).map((test) => [test, found[test]]));
}

function parse(tables, test, text, language) {
  if (test in PARSERS) return PARSERS[test](tables, text, language);
  const parseText = tables.observers.several_words.includes(test) ? parseWords : parseWord;
  return parseText(tables, test, text, language);
}

// The outcomes without one that another implies: no cleavage has 0 directions.
export function distinctOutcomes(outcomes) {
  const { cleavage_directions: directions, ...others } = outcomes;
  return outcomes.cleavage === "none" ? others : outcomes;
}

// The checks of the API's schema.
function check(tables, texts, language) {
  const longest = tables.patterns.typed.max_length;
  for (const test of tables.tests) {
    const text = texts[test] ?? "";
    if (typeof text !== "string") throw invalid(test, language, "Input should be a valid string", "须为文字");
    if ([...text].length > longest) {
      throw invalid(test, language, `String should have at most ${longest} characters`, `最多 ${longest} 个字符`);
    }
  }
  const unknown = Object.keys(texts).find((test) => !tables.tests.includes(test));
  if (unknown === undefined) return;
  const [where, names] = [path(unknown), tables.tests.join(", ")];
  throw new EvidenceError(
    unknown,
    language,
    `${where} is unknown: evidence may be any of ${names}.`,
    `未知的键 ${where}：证据可以是 ${names}。`,
  );
}

const path = (test) => [...`evidence.${test}`].slice(0, 100).join("");

function invalid(test, language, english, chinese) {
  return new EvidenceError(
    test,
    language,
    `${path(test)} is invalid (${english}): see /openapi.json.`,
    `${path(test)} 无效（${chinese}）：请参见 /openapi.json。`,
  );
}
