"""Several processes run a model on photos together; the first receives what all of them saw."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.cores import thread_count
from mineral_recog.errors import UserError
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import BATCH_SIZE, Identifier
from mineral_recog.identify.observation import Observation, View
from mineral_recog.identify.region import Region

if TYPE_CHECKING:
    from mineral_recog.models.distributed import DistributedContext

Seen = (
    Observation | UserError | None
)  # of a photo: unreadable ones have an error, skipped ones None


def observe_together(
    identifier: Identifier,
    paths: Sequence[Path],
    should_skip: Callable[[Path], bool],
    view: Callable[[Path], View | UserError],
    with_views: bool,
    context: DistributedContext,
) -> Iterator[tuple[Path, Seen]]:
    """Run a model on photos, of which each process takes every R-th batch; call it in all.

    Args:
        identifier: The model.
        paths: Files of the photos, the same in all processes.
        should_skip: Returns whether to skip a photo; called in the main process only.
        view: Returns what the model sees of a photo; called from several threads.
        with_views: Whether the views are needed, not only the outputs.
        context: The processes.

    Yields:
        In the main process each photo, in order, with what was seen; nothing in the others.
    """
    for first in range(0, len(paths), BATCH_SIZE * context.world_size):
        batches = [
            paths[first + BATCH_SIZE * rank : first + BATCH_SIZE * (rank + 1)]
            for rank in range(context.world_size)
        ]
        skipped = context.value_of_main(partial(_skipped, batches, should_skip))
        own = zip(batches[context.rank], skipped[context.rank], strict=True)
        seen = identifier.observe_each(own, lambda item: None if item[1] else view(item[0]))
        messages = context.gather_to_main(pack((item for _, item in seen), with_views))
        for batch, message in zip(batches, messages, strict=False):
            yield from zip(batch, unpack(message), strict=True)


def _skipped(
    batches: Sequence[Sequence[Path]], should_skip: Callable[[Path], bool]
) -> list[list[bool]]:
    with ThreadPoolExecutor(thread_count()) as pool:
        return [list(pool.map(should_skip, batch)) for batch in batches]


def pack(seen: Iterable[Seen], with_views: bool) -> bytes:
    """Return what was seen of photos as bytes: a .npz file with JSON in its first array.

    Args:
        seen: What was seen of each photo.
        with_views: Whether to pack the views too, which are large.
    """
    facts: list[str | dict[str, Any] | None] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, item in enumerate(seen):
        if not isinstance(item, Observation):
            facts.append(None if item is None else str(item))
            continue
        outputs, view = item.outputs, item.view
        facts.append(
            {
                "ood_score": outputs.ood_score,
                "used_bits": outputs.used_bits,
                "gate_score": outputs.gate_score,
                "region": None if view.region is None else list(map(float, view.region)),
                "problems": dict(outputs.problems),
            }
        )
        arrays |= {f"{number} logits": outputs.logits, f"{number} features": item.features}
        if with_views:
            arrays |= {f"{number} pixels": view.pixels, f"{number} image": np.asarray(view.image)}
            if view.close_up is not None:
                arrays[f"{number} close_up"] = view.close_up
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(facts).encode("ascii"), np.uint8)
    np.savez(file, facts=text, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpack(message: bytes) -> list[Seen]:
    """Return what `pack` packed; a view without pixels and image if it was not packed."""
    seen: list[Seen] = []
    with np.load(io.BytesIO(message), allow_pickle=False) as arrays:
        for number, facts in enumerate(json.loads(arrays["facts"].tobytes())):
            if not isinstance(facts, dict):
                seen.append(None if facts is None else UserError(facts))
                continue
            region = facts["region"] and Region(*facts["region"])
            image = arrays.get(f"{number} image")
            view = View(
                arrays.get(f"{number} pixels", np.zeros((0, 0, 3), np.uint8)),
                Image.new("RGB", (1, 1)) if image is None else Image.fromarray(image),
                facts["used_bits"],
                close_up=arrays.get(f"{number} close_up"),
                region=region,
                problems=facts["problems"],
            )
            outputs = PhotoOutputs(arrays[f"{number} logits"], **(facts | {"region": region}))
            seen.append(Observation(outputs, arrays[f"{number} features"], view))
    return seen
