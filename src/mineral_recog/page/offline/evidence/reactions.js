// What a magnet or acid does: `yes`, `weak`, `does not fizz`, `微弱起泡`. As in identify/yes_no_parser.py.

import { fullMatch, pattern } from "./patterns.js";
import { normalise, notUnderstood } from "./typed_text.js";

export const parseMagnetic = (tables, value, language) => parseReaction(tables, "magnetic", value, language);

// Weak bubbles are bubbles.
export const parseAcid = (tables, value, language) => parseReaction(tables, "acid", value, language) !== false;

function parseReaction(tables, test, value, language) {
  const outcome = parseText(tables.patterns.yes_no, test, normalise(tables, value));
  if (outcome === null) throw notUnderstood(tables, test, value, language);
  return outcome;
}

// True, false or "weak"; null if none of them is certain.
function parseText(words, test, text) {
  if (words.yes.includes(text) || words.no.includes(text)) return words.yes.includes(text);
  if (test === "magnetic" && fullMatch(words.strong_magnet, text)) return "weak";
  for (const source of words.patterns[test]) {
    const match = fullMatch(source, text);
    if (match) {
      const given = Object.entries(match.groups ?? {}).filter(([, found]) => found);
      const isNegated = given.some(([name]) => name === "no" || name === "cannot");
      if (isNegated && given.length > 1) return null;
      return !isNegated && pattern(words.weak).test(text) ? "weak" : !isNegated;
    }
  }
  return null;
}
