// Finds where the specimen is in a photo: what differs from the photo's border. See specimen_finder.py,
// which this module follows line by line.

import { box, lightnessAndColours, reduce, resize, round } from "./image.js";

const LONG_SIDE = 64; // pixels of the small copy that is searched
const BORDER = 2; // its outer rows and columns that count as border
const ALIKE = 0.1; // share of the border that has to resemble a part of the ground
const MIN_RANGE = 4; // of the differences, of 255; below, nothing stands out
const MIN_SIDE = 0.15; // of a region, over the short side
const MIN_PIXELS = 8; // of the short side of the small copy of a very long photo

// The square that differs most from the border, [left, top, width, height] as fractions; null if nothing
// stands out.
export function findSpecimen(image) {
  const { width, height, values } = differenceFromBorder(image);
  if (Math.max(...values) - Math.min(...values) < MIN_RANGE) return null;
  const limit = threshold(values);
  return bestSquare(values.map((value) => value - limit), width, height);
}

function differenceFromBorder(image) {
  const scale = LONG_SIDE / Math.max(image.width, image.height);
  const width = Math.max(MIN_PIXELS, round(image.width * scale));
  const height = Math.max(MIN_PIXELS, round(image.height * scale));
  const points = looks(image, width, height);
  const border = points.filter((_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x < BORDER || y < BORDER || x >= width - BORDER || y >= height - BORDER;
  });
  const count = Math.max(1, Math.trunc(ALIKE * border.length));
  const distances = new Float64Array(border.length);
  const difference = Float64Array.from(points, (point) => {
    border.forEach((other, i) => {
      distances[i] = point.reduce((sum, value, k) => sum + (value - other[k]) ** 2, 0);
    });
    return Math.sqrt(distances.sort().subarray(0, count).reduce((sum, value) => sum + value, 0) / count);
  });
  return { width, height, values: blurred(difference, width, height, 1) };
}

// Lightness, two colours and roughness of each part of a photo.
function looks(image, width, height) {
  const factor = (from, to) => Math.max(1, Math.trunc(from / to / 2)); // as with Pillow's reducing_gap
  const [across, down] = [factor(image.width, width), factor(image.height, height)];
  const part = [0, 0, image.width / across, image.height / down];
  const values = lightnessAndColours(resize(reduce(image, across, down), width, height, box, part));
  const channel = (k) => Float64Array.from({ length: width * height }, (_, i) => values[3 * i + k]);
  const light = channel(0);
  const mean = blurred(light, width, height, 2);
  const ofSquares = blurred(light.map((value) => value ** 2), width, height, 2);
  const planes = [light.map((value) => 0.5 * value), channel(1), channel(2)].map((plane) => blurred(plane, width, height, 1));
  return Array.from(light, (_, i) => [...planes.map((plane) => plane[i]), Math.sqrt(Math.max(0, ofSquares[i] - mean[i] ** 2))]);
}

// The means over squares of 2 * radius + 1 positions; the border is mirrored.
function blurred(values, width, height, radius) {
  const mirrored = (at, size) => (at < 0 ? -at : at >= size ? 2 * size - 2 - at : at);
  const [wide, high, side] = [width + 2 * radius, height + 2 * radius, 2 * radius + 1];
  const padded = new Float64Array(wide * high);
  for (let y = 0; y < high; y += 1) {
    for (let x = 0; x < wide; x += 1) padded[y * wide + x] = values[mirrored(y - radius, height) * width + mirrored(x - radius, width)];
  }
  return sums(padded, wide, high, side).map((sum) => sum / side ** 2);
}

// The sum over each square of a side, at its top left corner.
function sums(values, width, height, side) {
  const totals = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y + 1) * (width + 1) + x + 1;
      totals[at] = values[y * width + x] + totals[at - 1] + totals[at - width - 1] - totals[at - width - 2];
    }
  }
  const [columns, rows] = [width - side + 1, height - side + 1];
  const total = (x, y) => totals[y * (width + 1) + x];
  return Float64Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return total(x + side, y + side) - total(x + side, y) - total(x, y + side) + total(x, y);
  });
}

// The value that best separates a map in two (Otsu, IEEE Trans. SMC, 1979).
function threshold(values) {
  const ordered = values.toSorted();
  const total = ordered.reduce((sum, value) => sum + value, 0);
  let [best, limit, sum] = [-Infinity, 0, 0];
  for (let below = 1; below < ordered.length; below += 1) {
    sum += ordered[below - 1];
    const above = ordered.length - below;
    const separation = below * above * ((total - sum) / above - sum / below) ** 2;
    if (separation > best) [best, limit] = [separation, (sum / below + (total - sum) / above) / 2];
  }
  return limit;
}

// The square with the largest sum of a map that is negative outside the specimen.
function bestSquare(excess, width, height) {
  const short = Math.min(width, height);
  let [most, region] = [-Infinity, null];
  for (let side = Math.max(1, round(MIN_SIDE * short)); side <= short; side += 1) {
    const columns = width - side + 1;
    sums(excess, width, height, side).forEach((sum, i) => {
      if (sum <= most) return;
      most = sum;
      region = [(i % columns) / width, Math.floor(i / columns) / height, side / width, side / height];
    });
  }
  return region;
}
