// From a file to what is sent, and what the model saw of it drawn over the photo.

const LONGEST_SIDE = 1024; // pixels; more would only travel longer
const KEPT = 0.875; // of the short side: what the model sees, see data/views.py

// A photo small enough to send, as {body, url, width, height}. The browser turns it upright. One
// that the browser cannot decode is sent as it is, without a size; the server may know better.
export async function prepared(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return { body: file, url: null, width: 0, height: 0 };
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  let body = file;
  if (scale < 1) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    context.fillStyle = "white"; // under transparent parts, as the server does it
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    body = (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92))) ?? file;
  }
  bitmap.close();
  return { body, url: URL.createObjectURL(body), width, height };
}

// Lay a canvas over the part of a photo that the model sees and tint what speaks for the answer.
export function drawHeat(canvas, values, width, height) {
  const side = KEPT * Math.min(width, height);
  canvas.style.left = `${(50 * (width - side)) / width}%`;
  canvas.style.top = `${(50 * (height - side)) / height}%`;
  canvas.style.width = `${(100 * side) / width}%`;
  canvas.style.height = `${(100 * side) / height}%`;
  canvas.width = values[0].length;
  canvas.height = values.length;
  const pixels = new ImageData(canvas.width, canvas.height);
  values.flat().forEach((value, place) => {
    // From yellow to red, and the more opaque the more it counts.
    pixels.data.set([255, 214 - 170 * value, 40, 165 * value], 4 * place);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
