// Calibrated probabilities, sets, and the scores of "none of these".

import { relativeDistance } from "./distances.js";

export function softmax(logits, temperature = 1) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

// Which classes are in the set: `limits` are the largest scores 1 - p that it admits, for each class.
export function predictionSet(probabilities, limits) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  return probabilities.map((p, label) => label === best || Math.fround(1 - p) <= limits[label]);
}

// How unlike the known classes a photo is, without the part of the gate.
export function oodScore({ config, distances }, { features, logits }) {
  const entropy = softmax(logits).reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
  return relativeDistance(distances, features) + config.calibration.novelty_weight * entropy;
}

// The gate's scores of a picture from the features of its parts: how unlike any mineral it is, and its part
// of the score of unknown minerals.
export function gateScores(gate, features) {
  const scores = gate.parts.map(({ distances, typical, spread }, k) => (Math.sqrt(distances.nearest(features[k])) - typical) / spread);
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const noMineral = gate.textureWeight === null ? mean : Math.max(mean, gate.textureWeight * scores.at(-1));
  const novelty = gate.novelty === null ? 0 : gate.noveltyWeight * relativeDistance(gate.novelty, features.at(-1));
  return { noMineral, novelty };
}

// The mean logits of the photos of a specimen.
export function specimenLogits(sightings, weights) {
  const total = weights.reduce((a, b) => a + b, 0);
  return sightings[0].logits.map((_, label) => sightings.reduce((sum, { logits }, i) => sum + weights[i] * logits[label], 0) / total);
}
