"""The page that answers in the browser: its size, its speed, and its answers beside Python's.

    python benchmarks/offline_page.py SITE PHOTOS [--most 200] [--chromium PATH]

SITE is a folder of `mineral-recog export RUN --to web`, PHOTOS a folder of photos, of which at most
--most are drawn at random. chromium opens SITE from this machine for the first time and answers
each photo file; Python answers the same file from SITE/model. Printed are the bytes that a browser
loads with gzip, the time from opening the page to the first answer, the median time of the next
ones, and how often both rank all classes alike.
"""

from __future__ import annotations

import argparse
import base64
import functools
import gzip
import http.server
import json
import re
import shutil
import statistics
import threading
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from mineral_recog.data.dataset import photos_in
from mineral_recog.identify.identifier import Identifier, load

ANSWER = """async (data) => {
  const { identifyPhoto } = await import("/static/server.js");
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const began = performance.now();
  const answer = await identifyPhoto(new Blob([bytes]), "en", null, () => {});
  return [answer.sightings[0].logits, performance.now() - began];
}"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("site", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--most", type=int, default=200, help="photos to answer")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of chromium")
    options = parser.parse_args()
    print(f"loaded with gzip: {loaded_bytes(options.site) / 1e6:.1f} MB")
    found = [options.photos / path for path in photos_in(options.photos)]
    order = np.random.default_rng(0).permutation(len(found))[: options.most]
    compare(options.site, [found[i] for i in order], options.chromium)


def loaded_bytes(site: Path) -> int:
    """Return the bytes of the files that the page keeps, compressed one by one."""
    worker = (site / "service_worker.js").read_text("utf-8")
    names = json.loads(re.findall(r"^const FILES = (\[.*\]);", worker, re.MULTILINE)[0])
    files = (site / name.replace("./", "index.html") for name in names)
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in files)


def compare(site: Path, photos: list[Path], chromium: str | None) -> None:
    """Print times, and how alike the answers of chromium and of Python are."""
    handler = functools.partial(QuietHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    identifier, differences, alike, times = load(site / "model"), [], 0, []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=True).new_page()
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        for number, photo in enumerate(photos):
            content = base64.b64encode(photo.read_bytes()).decode()
            logits, milliseconds = page.evaluate(ANSWER, content)
            if number == 0:
                print(f"first answer {time.perf_counter() - began:.1f} s after the page was opened")
            times.append(milliseconds)
            pair = np.array([logits, expected_logits(identifier, photo)])
            actual, expected = identifier.model.calibration.probabilities(pair)
            differences.append(float(np.abs(actual - expected).max()))
            ranks = [np.argsort(-row, kind="stable") for row in (actual, expected)]
            alike += bool((ranks[0] == ranks[1]).all())
        browser.close()
    server.shutdown()
    print(f"next answers: {statistics.median(times[1:]) / 1000:.2f} s (median)")
    print(f"{alike} of {len(photos)} photos have the same ranking of all classes; probabilities")
    print(
        f"differ by at most {max(differences):.2g}, {statistics.median(differences):.2g} (median)"
    )


def expected_logits(identifier: Identifier, photo: Path) -> np.ndarray:
    """Return Python's logits of a photo, [C]."""
    [observation] = identifier.observe_batch([identifier.look_at(photo)])
    return observation.outputs.logits


if __name__ == "__main__":
    main()
