"""The key under which tasks of Label Studio have their text, where it is not `text`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import CorpusError, Errors
from ..span_placement import bare
from .json_records import Record

DEFAULT_KEY = "text"
_NO_TEXTS = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
"""Keys of JSON-MIN and CSV that are about an annotation."""

Sample = tuple[object, list[Record]]
"""What holds the text of a task, and its regions: objects with `start`, `end` and the `text` that they cover."""


def find_text_key(path: Path, samples: Sequence[Sample]) -> str:
    """The key of the text: `text`; or else the one whose strings the regions are of; or else the only one of strings.

    samples: the first tasks.
    RAISES CorpusError: it may be one of several.
    """
    holders = [holder for holder, _ in samples if isinstance(holder, dict)]
    if not holders or any(DEFAULT_KEY in holder for holder in holders):
        return DEFAULT_KEY
    keys: list[str] = [key for key in holders[0] if key not in _NO_TEXTS]
    keys = [key for key in keys if all(isinstance(holder.get(key), str) for holder in holders)]
    for fits in (_covers, _contains):
        found = [key for key in keys if _fit(key, samples, fits)]
        if len(found) == 1:
            return found[0]
    if len(keys) > 1:
        raise CorpusError(Errors.many_text_keys.format(path=path, found=", ".join(keys), first=keys[0]))
    return keys[0] if keys else DEFAULT_KEY


def _fit(key: str, samples: Sequence[Sample], fits: Callable[[str, Record], bool]) -> bool:
    """Whether there are regions, and all are of the strings at a key."""
    pairs = [
        (holder[key], region)
        for holder, regions in samples
        for region in regions
        if isinstance(holder, dict) and isinstance(region.get("text"), str) and "start" in region
    ]
    return bool(pairs) and all(fits(text, region) for text, region in pairs)


def _covers(text: str, region: Record) -> bool:
    start, end = region["start"], region.get("end")
    return isinstance(start, int) and isinstance(end, int) and bare(text[start:end]) == bare(region["text"])


def _contains(text: str, region: Record) -> bool:
    """Whether the string is somewhere: offsets may count other units than characters."""
    return bare(region["text"]) in bare(text)
