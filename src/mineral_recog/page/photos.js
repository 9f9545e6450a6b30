// Prepare photos for sending, and draw the heat map over a photo.

const MAX_SIDE = 1024; // pixels; more would only take longer to send

// Shrink a photo for sending; return {body, url, width, height}. The browser turns it upright. A
// photo that the browser cannot decode is sent unchanged, without a size; the server may decode it.
export async function preparePhoto(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return { body: file, url: null, width: 0, height: 0 };
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  let body = file;
  if (scale < 1) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    context.fillStyle = "white"; // behind transparent parts, as on the server
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    body = (await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92))) ?? file;
  }
  bitmap.close();
  return { body, url: URL.createObjectURL(body), width, height };
}

// Place the canvas over the part of the photo that the model looked at, whose left, top, width and
// height are fractions, and tint what supports the answer.
export function drawHeat(canvas, values, [left, top, width, height]) {
  canvas.style.left = `${100 * left}%`;
  canvas.style.top = `${100 * top}%`;
  canvas.style.width = `${100 * width}%`;
  canvas.style.height = `${100 * height}%`;
  canvas.width = values[0].length;
  canvas.height = values.length;
  const pixels = new ImageData(canvas.width, canvas.height);
  values.flat().forEach((value, position) => {
    // From yellow to red; more opaque where the value is larger.
    pixels.data.set([255, 214 - 170 * value, 40, 165 * value], 4 * position);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
