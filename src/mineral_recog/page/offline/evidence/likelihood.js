// How likely the outcome of a physical test is for each class, and Bayes' rule. As in identify/likelihood.py,
// identify/likelihood_tables.py and identify/evidence.py.

import { measurementError } from "./measurement.js";
import { distinctOutcomes } from "./read_evidence.js";

// Probabilities [C] by photo and evidence, from those by the photo. A class without a mineral keeps its probability.
export function posterior(table, byPhoto, outcomes) {
  const done = Object.entries(distinctOutcomes(outcomes));
  if (done.length === 0) return [...byPhoto];
  const prior = byPhoto.map((probability, label) => (table.classes[label].mineral === null ? 0 : probability));
  const updated = [...prior];
  for (const [test, outcome] of done) {
    const weight = photoWeight(table.tables, test);
    const factors = outcomeRow(table, test, outcome).map((likelihood) => likelihood ** weight);
    const filled = fillUnknown([factors], prior)[0];
    filled.forEach((factor, label) => (updated[label] *= factor));
  }
  const total = sum(updated);
  if (!(total > 0)) return [...byPhoto];
  const scale = sum(prior) / total;
  return updated.map((product, label) => (table.classes[label].mineral === null ? byPhoto[label] : product * scale));
}

// What the photo shows already counts less: the exponent of the likelihoods.
export const photoWeight = (tables, test) => tables.observers.photo_weights[test] ?? 1;

// P(outcome | class), [C], never 0; NaN if the fact is unknown.
export function outcomeRow(table, test, outcome) {
  const { observers, outcomes } = table.tables;
  if (test in observers.scales) return intervalRow(table.tables, test, outcome);
  const words = outcomes[test];
  if (!Array.isArray(outcome)) return table.rows[test][words.indexOf(outcome)];
  return severalWords(table.rows[test], outcome.map((word) => words.indexOf(word)));
}

// The columns that are NaN get the mean of the others, weighted by the classes' probabilities.
export function fillUnknown(rows, weights) {
  const isKnown = rows[0].map((likelihood) => !Number.isNaN(likelihood));
  if (isKnown.every(Boolean)) return rows;
  const total = sum(weights.filter((_, label) => isKnown[label]));
  return rows.map((row) => {
    const weighted = row.reduce((value, likelihood, label) => (isKnown[label] ? value + likelihood * weights[label] : value), 0);
    const mean = total > 0 ? weighted / total : 1;
    return row.map((likelihood, label) => (isKnown[label] ? likelihood : mean));
  });
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// P(several words | class) among all sets of as many words: the product of their probabilities over the sum of the
// products of all such sets, which is the elementary symmetric polynomial.
function severalWords(rows, chosen) {
  return rows[0].map((_, label) => {
    const sums = [1, ...chosen.map(() => 0)];
    for (const row of rows) {
      for (let size = chosen.length; size > 0; size -= 1) sums[size] += sums[size - 1] * row[label];
    }
    return chosen.reduce((product, number) => product * rows[number][label], 1) / sums.at(-1);
  });
}

// P(measured value in an interval | class), [C].
export function intervalRow(tables, test, interval) {
  const { scales, width_share: widthShare, blunder_rate: blunders } = tables.observers;
  const [lowest, highest] = scales[test];
  const minWidth = widthShare * (highest - lowest);
  const middle = (interval[0] + interval[1]) / 2;
  const isWide = interval[1] - interval[0] >= minWidth;
  const [low, high] = isWide ? interval : [middle - minWidth / 2, middle + minWidth / 2];
  const blunder = test === "density" ? Math.log(high / low) / Math.log(highest / lowest) : (high - low) / (highest - lowest);
  return tables.ranges[test].map((range) => {
    if (range === null) return NaN;
    const correct = Math.max(probabilityBelow(tables, test, high, range) - probabilityBelow(tables, test, low, range), 0);
    return (1 - blunders) * correct + blunders * blunder;
  });
}

// P(measured value <= limit): the mean of the normal distribution function over a mineral's range. The ends are open.
function probabilityBelow(tables, test, limit, range) {
  const { scales, z_width: minWidth } = tables.observers;
  const [lowest, highest] = scales[test];
  if (!(lowest < limit && limit < highest)) return limit >= highest ? 1 : 0;
  const error = measurementError(tables, test, (range[0] + range[1]) / 2);
  const [a, b] = range.map((end) => (limit - end) / error);
  if (a - b < minWidth) return normal(a);
  return (normalIntegral(a) - normalIntegral(b)) / Math.max(a - b, minWidth);
}

const normal = (z) => (1 + erf(z / Math.SQRT2)) / 2;
const normalIntegral = (z) => z * normal(z) + Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);

// The error function: its Taylor series times exp(x^2), where all terms are positive, or the continued fraction of Laplace.
export function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size > 3) {
    let fraction = size;
    for (let k = 60; k > 0; k -= 1) fraction = size + k / 2 / fraction;
    return Math.sign(x) * (1 - Math.exp(-(size ** 2)) / (fraction * Math.sqrt(Math.PI)));
  }
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-(x ** 2)) * total;
}
