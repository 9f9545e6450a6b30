// Distances between feature vectors, scaled to length 1, as in ood.py.

// The squared distances of features to means, in which distances along some directions count less.
export class SquaredDistances {
  constructor(means, directions) {
    const [count, width] = means.shape;
    this.means = rows(means.values, count, width);
    this.directions = rows(directions.values, directions.shape[0], width);
    this.along = this.means.map((mean) => this.directions.map((direction) => dot(mean, direction)));
  }

  // The smallest of the distances of features, of any length, to the means.
  nearest(features) {
    const unit = unitLength(features);
    const along = this.directions.map((direction) => dot(unit, direction));
    return Math.min(...this.means.map((mean, i) => Math.max(0, apart(unit, mean) - apart(along, this.along[i]))));
  }
}

const rows = (values, count, width) => Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width));

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

function apart(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] - b[i]) ** 2;
  return sum;
}

function unitLength(features) {
  const length = Math.sqrt(dot(features, features)) || 1;
  return Float64Array.from(features, (value) => value / length);
}

export const relativeDistance = ({ classes, overall, overallWeight }, features) =>
  classes.nearest(features) - overallWeight * overall.nearest(features);
