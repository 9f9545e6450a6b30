// Words about what a specimen looks like: `greenish black`, `needles`. As in identify/word_parser.py.

import { fullMatch, pattern, replaceAll } from "./patterns.js";
import { normalise, notUnderstood, strip } from "./typed_text.js";

export function parseWord(tables, test, value, language) {
  const word = findWord(tables, test, normalise(tables, value));
  if (word === null) throw notUnderstood(tables, test, value, language);
  return word;
}

// Several different words, in the order of the list.
export function parseWords(tables, test, value, language) {
  const { frames, and } = tables.patterns.words;
  const text = replaceAll(frames[test], normalise(tables, value), "");
  const parts = text.split(pattern(and)).filter((part) => strip(part));
  const words = parts.map((part) => findWord(tables, test, part));
  if (words.length === 0 || words.includes(null)) throw notUnderstood(tables, test, value, language);
  return tables.outcomes[test].filter((word) => words.includes(word));
}

function findWord(tables, test, typed) {
  const { frames, lamps, negation, glow_strength: strength, synonyms } = tables.patterns.words;
  const isWeighed = lamps.includes(test) && !pattern(negation).test(typed); // not strong is not none
  const text = isWeighed ? replaceAll(strength, typed, "") : typed;
  const cleaned = strip(replaceAll(frames[test], text, "")).replaceAll("gray", "grey");
  for (const spelling of spellings(tables, test, cleaned)) {
    const plain = strip(spelling);
    const listed = tables.minerals.words[test].find((word) => plain === word.en || plain === word.zh);
    const known = listed?.en ?? synonyms[test].find((synonym) => fullMatch(synonym.pattern, spelling))?.word;
    if (known !== undefined) return known;
  }
  return null;
}

function spellings(tables, test, cleaned) {
  const { suffixes, coloured, no_shade: noShade } = tables.patterns.words;
  const isAscii = /^[\x00-\x7f]*$/.test(cleaned);
  const found = [cleaned, cleaned.replace(/[ -]/g, "")];
  if (!isAscii) found.push(...suffixes.map((suffix) => cleaned + suffix));
  if (!coloured.includes(test) || pattern(noShade).test(cleaned)) return found;
  const last = cleaned.split(/[ -]/).at(-1); // greenish black is black
  found.push(last, last.replace(/ish$/, ""));
  if (isAscii) return found;
  const characters = [...cleaned];
  return [...found, characters.slice(-3).join(""), characters.slice(-2).join(""), `${characters.at(-1) ?? ""}色`];
}
