// Hardness and density in text: `5,5-6,5`, `at least 6`, `scratches glass`. As in identify/measurement_parser.py.
//
// A text is rewritten into a few signs and split into clauses: a value, a bound [low, high] with null where it is open,
// or a scratch test. All clauses must be understood.

import { fullMatch, pattern, replaceAll } from "./patterns.js";
import { continueScratch, parseScratch, scratchBound } from "./scratch.js";
import { general, normalise, notUnderstood, oneSpace, quoted, EvidenceError } from "./typed_text.js";
import { parseWeighing } from "./weighing.js";

export function parseHardness(tables, value, language) {
  return checked(tables, "hardness", value, language, parseMeasurement(tables, "hardness", normalise(tables, value)));
}

export function parseDensity(tables, value, language) {
  const text = normalise(tables, value);
  const interval = parseWeighing(tables, text, language) ?? parseMeasurement(tables, "density", text);
  return checked(tables, "density", value, language, interval);
}

function checked(tables, test, value, language, interval) {
  if (interval === null) throw notUnderstood(tables, test, value, language);
  const [low, high] = interval;
  if (low <= high) return interval;
  const [shown, above, below] = [quoted(value), general(low), general(high)];
  throw new EvidenceError(
    test,
    language,
    `${test} ${shown} contradicts itself: above ${above} and below ${below}; do one of the tests again.`,
    `${test} ${shown} 自相矛盾：既大于 ${above} 又小于 ${below}；请重做其中一项测试。`,
  );
}

// The interval that satisfies all clauses; reversed if they contradict each other, null if one is not understood.
function parseMeasurement(tables, test, typed) {
  const { ambiguous, but, or } = tables.patterns.measurement;
  const text = rewrite(tables, test, typed);
  if (pattern(ambiguous).test(text)) return null;
  const [values, bounds] = [[], []];
  let previous = null;
  for (const { joins, clause } of clauses(tables, text)) {
    let parsed = parseNumbers(tables, clause);
    let isContinued = false;
    if (!parsed && test === "hardness") {
      parsed = parseScratch(tables, clause);
      if (!parsed && previous?.tool) {
        parsed = continueScratch(tables, clause, previous, joins.some((join) => but.includes(join)));
        isContinued = parsed !== null;
      }
    }
    if (!parsed) return null;
    if (joins.some((join) => or.includes(join)) && !mayFollowOr(previous, parsed, isContinued)) return null;
    const bound = parsed.tool ? scratchBound(parsed) : parsed;
    (bound.includes(null) ? bounds : values).push(bound);
    previous = parsed;
  }
  return previous === null ? null : combine(tables, test, values, bounds);
}

function combine(tables, test, values, bounds) {
  const [lowest, highest] = tables.observers.scales[test];
  const ends = [...values, ...bounds].flat().filter((end) => end !== null);
  if (!ends.every((end) => lowest <= end && end <= highest)) return null;
  let [low, high] = [lowest, highest];
  if (values.length > 0) {
    const [lows, highs] = [values.map((value) => value[0]), values.map((value) => value[1])];
    [low, high] = withError(tables, test, Math.min(...lows), Math.max(...highs));
  }
  for (const [boundLow, boundHigh] of bounds) {
    low = Math.max(low, boundLow ?? low);
    high = Math.min(high, boundHigh ?? high);
  }
  return withError(tables, test, low, high);
}

// A single number gets its measurement error on both sides.
function withError(tables, test, low, high) {
  if (low !== high) return [low, high];
  const [lowest, highest] = tables.observers.scales[test];
  const error = measurementError(tables, test, low);
  return [Math.max(low - error, lowest), Math.min(high + error, highest)];
}

export function measurementError(tables, test, value) {
  return test === "hardness" ? tables.observers.hardness_error : tables.observers.density_error * value;
}

function rewrite(tables, test, typed) {
  const { labels, fraction, rewrites } = tables.patterns.measurement;
  let text = replaceAll(tables.patterns.typed.decimal_signs, typed, ".");
  text = replaceAll(fraction, text, (_, whole, part) => {
    const [numerator, denominator] = part.split("/").map(Number);
    return general(Number(whole) + numerator / denominator);
  });
  text = replaceAll(labels[test], text, " ");
  for (const { pattern: source, replacement } of rewrites) text = replaceAll(source, oneSpace(text), replacement);
  return oneSpace(text);
}

// The clauses of a text, each with the separators before it.
function clauses(tables, text) {
  const { separator } = tables.patterns.measurement;
  const found = [];
  let joins = [];
  for (const part of text.split(pattern(separator))) {
    if (fullMatch(separator, part)) {
      joins.push(part);
    } else if (part.trim()) {
      found.push({ joins, clause: part.trim() });
      joins = [];
    }
  }
  return found;
}

// A clause that is a number, a range or a bound.
function parseNumbers(tables, clause) {
  const { value, plus_minus: plusMinus, bound } = tables.patterns.measurement;
  let match = fullMatch(value, clause);
  if (match) {
    const ends = match.slice(1).filter((end) => end !== undefined).map(Number);
    return [Math.min(...ends), Math.max(...ends)];
  }
  match = fullMatch(plusMinus, clause);
  if (match) return [Number(match[1]) - Number(match[2]), Number(match[1]) + Number(match[2])];
  match = fullMatch(bound, clause);
  if (!match) return null;
  const isAbove = (match.groups.sign === ">") !== Boolean(match.groups.no);
  return isAbove ? [Number(match[3]), null] : [null, Number(match[3])];
}

// `or` leaves no doubt between values, and in `not scratch glass or steel`.
function mayFollowOr(previous, parsed, isContinued) {
  if (parsed.tool) return isContinued && parsed.isNegated;
  return previous !== null && !previous.tool && ![...previous, ...parsed].includes(null);
}
