// Where in a view the network sees a class. See heat_map.py.

import { round } from "./image.js";

const GRID = 7; // rows and columns of a map by occlusion

// Rows of values from 0 to 1. `view` is uint8 [size, size, 3].
export async function heatMap(network, view, size, label, classCount) {
  const { values, columns } = network.hasMaps
    ? await classMap(network, view, size, label, classCount)
    : { values: await occlusionMap(network, view, size, label), columns: GRID };
  const supporting = Array.from(values, (value) => Math.max(0, value));
  const most = Math.max(...supporting, 1e-12);
  const shares = supporting.map((value) => Number((value / most).toFixed(3)));
  return Array.from({ length: shares.length / columns }, (_, row) => shares.slice(row * columns, (row + 1) * columns));
}

async function classMap(network, view, size, label, classCount) {
  const [{ class_maps: maps }] = await network.run([view], size, ["class_maps"]);
  const length = maps.length / classCount;
  return { values: maps.subarray(label * length, (label + 1) * length), columns: Math.round(Math.sqrt(length)) };
}

// The drop of the class's logit minus the mean logit when each position is hidden by the mean colour.
async function occlusionMap(network, view, size, label) {
  const colour = meanColour(view);
  const width = round((2 * size) / (GRID + 1));
  const starts = Array.from({ length: GRID }, (_, step) => round((step * size) / (GRID + 1)));
  const views = [view];
  for (const top of starts) {
    for (const left of starts) views.push(hidden(view, size, left, top, width, colour));
  }
  const score = ({ logits }) => logits[label] - logits.reduce((a, b) => a + b, 0) / logits.length;
  const scores = [];
  for (const seen of views) {
    const [outputs] = await network.predict([seen], size);
    scores.push(score(outputs));
    await new Promise((resolve) => setTimeout(resolve)); // a photo that comes in the meantime is answered first
  }
  const [whole, ...others] = scores;
  return others.map((value) => whole - value);
}

function meanColour(view) {
  const sums = [0, 0, 0];
  for (let at = 0; at < view.length; at += 1) sums[at % 3] += view[at];
  return sums.map((sum) => Math.floor((3 * sum) / view.length));
}

function hidden(view, size, left, top, width, colour) {
  const copy = view.slice();
  for (let y = top; y < Math.min(top + width, size); y += 1) {
    for (let x = left; x < Math.min(left + width, size); x += 1) copy.set(colour, 3 * (y * size + x));
  }
  return copy;
}
