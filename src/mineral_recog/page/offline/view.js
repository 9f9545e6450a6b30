// What a network sees of a photo: its middle square, or a region; uint8 [size, size, 3].

import { bicubic, bilinear, crop, resize, round } from "./image.js";

const FILTERS = { bilinear, bicubic }; // by the name of the interpolation
const MARGIN = 1.1; // side of the square that is looked at over the longer side of a region

export const evaluationSide = (size, centerShare) => round(size / centerShare);

// The view that training's evaluation sees: the middle square, resized, and its middle.
export function evaluationView(image, size, centerShare, interpolation) {
  const side = evaluationSide(size, centerShare);
  const square = image.width === image.height ? image : cropMiddle(image, Math.min(image.width, image.height));
  return cropMiddle(resize(square, side, side, FILTERS[interpolation]), size).data;
}

function cropMiddle(image, side) {
  return crop(image, round((image.width - side) / 2), round((image.height - side) / 2), side, side);
}

// A region of a photo, [left, top, width, height] as fractions, as a view.
export function regionView(image, [left, top, width, height], size, interpolation) {
  const [x, y] = [left * image.width, top * image.height];
  const part = [x, y, Math.min(x + width * image.width, image.width), Math.min(y + height * image.height, image.height)];
  return resize(image, size, size, FILTERS[interpolation], part).data;
}

// The square around a region that is looked at, with a margin, inside a photo of a size in pixels.
export function squareAround([left, top, regionWidth, regionHeight], width, height) {
  const longer = Math.max(regionWidth * width, regionHeight * height);
  const side = Math.min(MARGIN * longer, width, height);
  const x = (left + regionWidth / 2) * width - side / 2;
  const y = (top + regionHeight / 2) * height - side / 2;
  const inside = (start, length) => Math.min(Math.max(start, 0), length - side) / length;
  return [inside(x, width), inside(y, height), side / width, side / height];
}

// The middle square whose side is a share of a photo's short side.
export function middleRegion(width, height, share) {
  const side = share * Math.min(width, height);
  return [(1 - side / width) / 2, (1 - side / height) / 2, side / width, side / height];
}
