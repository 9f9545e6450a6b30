// The most specific name that is as probable as was asked, and short names for a set. See roll_up.py.

const EVEN_ODDS = 0.5; // an answer below is more probably wrong than right, and says so
const MIN_JOINED = 3; // classes of a set that one name is shorter than

// The answer at the right level, as the API writes it, and its parts with unrounded probabilities. `tree` has the
// names of the classes, then of the nodes that join several; `children` and `heights` of each.
export function rollUp(tree, probabilities, threshold) {
  const sums = tree.names.map(({ labels }) => labels.reduce((sum, label) => sum + probabilities[label], 0));
  const reaching = [...sums.keys()].filter((number) => sums[number] >= threshold);
  const rank = (number) => sums[number] - 2 * tree.heights[number];
  const first = (numbers, value) => numbers.reduce((best, number) => (value(number) > value(best) ? number : best));
  const reached = reaching.length > 0;
  const classes = [...probabilities.keys()];
  const chosen = reached ? first(reaching, rank) : first(classes, (number) => sums[number]);
  const part = (number) => ({ ...tree.names[number], probability: sums[number] });
  const sorted = (numbers) => numbers.toSorted((a, b) => a - b).map(part).sort((a, b) => b.probability - a.probability);
  const whole = part(chosen);
  return { whole, reached, first: sorted(whole.labels)[0], parts: sorted(tree.children[chosen]) };
}

export function rolledUpJson({ whole, reached, first, parts }, top) {
  const json = ({ name, names, rank, probability }) => ({ name, names, rank, probability: Number(probability.toFixed(6)) });
  return { level: null, ...json(whole), reached, text: sentence(whole, reached, first), parts: parts.slice(0, top).map(json) };
}

function sentence(whole, reached, first) {
  const all = withShare(whole);
  if (whole.probability < EVEN_ODDS) return { en: `Not certain; most likely ${all.en}.`, zh: `不能确定，最可能是${all.zh}。` };
  if (!reached || whole.labels.length === 1) return { en: `Most likely ${all.en}.`, zh: `最可能是${all.zh}。` };
  const best = withShare(first);
  return {
    en: `${all.en[0].toUpperCase()}${all.en.slice(1)}; most likely ${best.en}.`,
    zh: `属于${all.zh}；最可能是${best.zh}。`,
  };
}

function withShare({ phrase, probability }) {
  const share = percent(probability);
  return { en: `${phrase.en}, ${share}`, zh: `${phrase.zh}，${share.replaceAll(" ", "")}` };
}

function percent(probability) {
  if (probability < 0.001) return "< 0.1 %";
  if (probability > 0.995) return "> 99 %";
  return `${(100 * probability).toFixed(probability < 0.0995 ? 1 : 0)} %`;
}

// Names for a set of classes, most likely first: one for all classes of a node if all are in the set.
export function shortestNames(tree, labels) {
  const rest = new Set(labels);
  const numberOf = new Map(labels.map((label) => [label, label]));
  const joining = [...tree.names.keys()].filter((number) => tree.names[number].labels.length >= MIN_JOINED);
  for (const number of joining.sort((a, b) => tree.names[b].labels.length - tree.names[a].labels.length)) {
    const joined = tree.names[number].labels;
    if (!joined.every((label) => rest.has(label))) continue;
    for (const label of joined) {
      rest.delete(label);
      numberOf.set(label, number);
    }
  }
  return [...new Set(numberOf.values())].map((number) => tree.names[number].names);
}
