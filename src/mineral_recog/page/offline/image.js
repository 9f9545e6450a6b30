// Images as {width, height, data: Uint8Array [height, width, 3]}, and Pillow's operations on them, with
// the same rounding: a browser's canvas scales in another way, and the network would see other pixels.

const BITS = 22; // of the fixed-point weights, as in Pillow's Resample.c

export const bilinear = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };
export const bicubic = { support: 2, weight: (x) => cubic(Math.abs(x)) };
export const box = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };

// Keys' kernel with a = -0.5.
function cubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

// Round to the nearest integer; halves go to the even one, as in Python.
export function round(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

export function crop(image, left, top, width, height) {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y += 1) {
    const start = 3 * ((top + y) * image.width + left);
    data.set(image.data.subarray(start, start + 3 * width), 3 * y * width);
  }
  return { width, height, data };
}

// Resize a part of an image, [left, top, right, bottom]; by default all of it.
export function resize(image, width, height, filter, part = [0, 0, image.width, image.height]) {
  const [left, top, right, bottom] = part.map(Math.fround); // Pillow takes them as floats
  const isWhole = left === 0 && top === 0 && right === image.width && bottom === image.height;
  if (isWhole && width === image.width && height === image.height) return image;
  const columns = weights(left, right, image.width, width, filter);
  const rows = weights(top, bottom, image.height, height, filter);
  const first = rows.starts[0];
  const last = rows.starts[height - 1] + rows.counts[height - 1];
  const wide = resizeRows(image, columns, width, first, last);
  return resizeColumns(wide, rows, height, first);
}

// The weights of the pixels that each output pixel is made of.
function weights(start, end, size, count, filter) {
  const scale = Math.fround(end - start) / count;
  const spread = Math.max(scale, 1);
  const support = filter.support * spread;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const length = 2 * Math.ceil(support) + 1;
  const values = new Int32Array(count * length);
  for (let i = 0; i < count; i += 1) {
    const center = start + (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(size, Math.trunc(center + support + 0.5));
    const row = Array.from({ length: high - low }, (_, k) => filter.weight((low + k - center + 0.5) / spread));
    const sum = row.reduce((a, b) => a + b, 0);
    starts[i] = low;
    counts[i] = row.length;
    row.forEach((weight, k) => {
      const share = sum ? weight / sum : weight;
      values[i * length + k] = Math.trunc((share < 0 ? -0.5 : 0.5) + share * 2 ** BITS);
    });
  }
  return { starts, counts, values, length };
}

const clip = (sum) => Math.min(255, Math.max(0, sum >> BITS));

function resizeRows(image, { starts, counts, values, length }, width, first, last) {
  const data = new Uint8Array(3 * width * (last - first));
  let out = 0;
  for (let y = first; y < last; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let at = 3 * (y * image.width + starts[x]);
      let [red, green, blue] = [1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)];
      for (let k = x * length; k < x * length + counts[x]; k += 1, at += 3) {
        red += image.data[at] * values[k];
        green += image.data[at + 1] * values[k];
        blue += image.data[at + 2] * values[k];
      }
      data[out] = clip(red);
      data[out + 1] = clip(green);
      data[out + 2] = clip(blue);
      out += 3;
    }
  }
  return { width, height: last - first, data };
}

function resizeColumns(image, { starts, counts, values, length }, height, first) {
  const step = 3 * image.width;
  const data = new Uint8Array(step * height);
  for (let y = 0; y < height; y += 1) {
    const start = (starts[y] - first) * step;
    for (let x = 0; x < step; x += 1) {
      let sum = 1 << (BITS - 1);
      for (let k = 0; k < counts[y]; k += 1) sum += image.data[start + k * step + x] * values[y * length + k];
      data[y * step + x] = clip(sum);
    }
  }
  return { width: image.width, height, data };
}

// Average blocks of pixels, as Pillow's Image.reduce.
export function reduce(image, across, down = across) {
  if (across === 1 && down === 1) return image;
  const width = Math.ceil(image.width / across);
  const height = Math.ceil(image.height / down);
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y += 1) {
    const bottom = Math.min((y + 1) * down, image.height);
    for (let x = 0; x < width; x += 1) {
      const right = Math.min((x + 1) * across, image.width);
      const count = (right - x * across) * (bottom - y * down);
      const multiplier = Math.floor(Math.fround(2 ** 32 / (256 * count)));
      const sums = [count >> 1, count >> 1, count >> 1];
      for (let row = y * down; row < bottom; row += 1) {
        for (let at = 3 * (row * image.width + x * across); at < 3 * (row * image.width + right); at += 3) {
          sums[0] += image.data[at];
          sums[1] += image.data[at + 1];
          sums[2] += image.data[at + 2];
        }
      }
      sums.forEach((sum, channel) => {
        data[3 * (y * width + x) + channel] = Math.floor((sum * multiplier) / 2 ** 24);
      });
    }
  }
  return { width, height, data };
}

// The grey levels of an image, uint8 [height * width], as Pillow's mode L.
export function grey(image) {
  const levels = new Uint8Array(image.width * image.height);
  for (let i = 0, at = 0; i < levels.length; i += 1, at += 3) {
    levels[i] = (image.data[at] * 19595 + image.data[at + 1] * 38470 + image.data[at + 2] * 7471 + 0x8000) >> 16;
  }
  return levels;
}

// Lightness and two colours of each pixel, [height * width * 3], as Pillow's mode YCbCr.
export function lightnessAndColours(image) {
  const values = new Uint8Array(image.data.length);
  const part = (factor) => Int32Array.from({ length: 256 }, (_, level) => Math.trunc(factor * level * 64 + 0.5));
  const factors = [[0.299, 0.587, 0.114], [-0.16874, -0.33126, 0.5], [0.5, -0.41869, -0.08131]];
  const tables = factors.map((row) => row.map(part));
  for (let at = 0; at < values.length; at += 3) {
    tables.forEach(([red, green, blue], channel) => {
      const sum = red[image.data[at]] + green[image.data[at + 1]] + blue[image.data[at + 2]];
      values[at + channel] = Math.min(255, Math.max(0, (sum >> 6) + (channel ? 128 : 0)));
    });
  }
  return values;
}
