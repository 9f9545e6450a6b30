// Whether the photos of one specimen look alike. See alike.py.

const MIN_AGREEMENT = 0.05;

// A warning if two photos of a specimen do not look alike, else none. `probabilities` are those of each photo.
export function unlikeWarnings(probabilities) {
  const pairs = probabilities.flatMap((_, b) => probabilities.slice(0, b).map((_, a) => [a, b]));
  if (pairs.length === 0) return [];
  const agreement = ([a, b]) => probabilities[a].reduce((sum, p, label) => sum + p * probabilities[b][label], 0);
  const [least] = pairs.sort((one, other) => agreement(one) - agreement(other));
  if (agreement(least) >= MIN_AGREEMENT / pairs.length) return [];
  const [first, second] = least.map((index) => index + 1);
  return [
    {
      en: `Photos ${first} and ${second} do not look alike: if they show different specimens, identify each by itself.`,
      zh: `照片 ${first} 和照片 ${second} 看上去不像同一种矿物：若是不同的标本，请分别识别。`,
    },
  ];
}
