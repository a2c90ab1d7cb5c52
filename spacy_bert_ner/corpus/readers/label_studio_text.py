"""Find the key for the text in Label Studio tasks that have no key `text`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import CorpusError, Errors
from ..span_placement import bare
from .json_records import Record

DEFAULT_KEY = "text"
_METADATA_KEYS = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
"""The keys for annotation metadata in JSON-MIN and CSV format."""

Sample = tuple[object, list[Record]]
"""The object with a task's text, and the task's regions. Regions are objects with `start`, `end` and `text`."""


def find_text_key(path: Path, samples: Sequence[Sample]) -> str:
    """Find the key for the text.

    The key is `text` if it exists. Otherwise, it is the only key whose strings match the regions. If no such key
    exists, it is the only key with strings.

    path (Path): the file path, for error messages.
    samples (Sequence[Sample]): the first tasks.
    RETURNS (str): the key.
    RAISES CorpusError: several keys are possible.
    """
    data_objects = [data for data, _ in samples if isinstance(data, dict)]
    if not data_objects or any(DEFAULT_KEY in data for data in data_objects):
        return DEFAULT_KEY
    keys: list[str] = [key for key in data_objects[0] if key not in _METADATA_KEYS]
    keys = [key for key in keys if all(isinstance(data.get(key), str) for data in data_objects)]
    for matches in (_matches_at_offsets, _contains):
        matching_keys = [key for key in keys if _all_match(key, samples, matches)]
        if len(matching_keys) == 1:
            return matching_keys[0]
    if len(keys) > 1:
        raise CorpusError(Errors.many_text_keys.format(path=path, found=", ".join(keys), first=keys[0]))
    return keys[0] if keys else DEFAULT_KEY


def _all_match(key: str, samples: Sequence[Sample], matches: Callable[[str, Record], bool]) -> bool:
    """Return whether at least one region exists and all regions match the strings at a key."""
    pairs = [
        (data[key], region)
        for data, regions in samples
        for region in regions
        if isinstance(data, dict) and isinstance(region.get("text"), str) and "start" in region
    ]
    return bool(pairs) and all(matches(text, region) for text, region in pairs)


def _matches_at_offsets(text: str, region: Record) -> bool:
    start, end = region["start"], region.get("end")
    return isinstance(start, int) and isinstance(end, int) and bare(text[start:end]) == bare(region["text"])


def _contains(text: str, region: Record) -> bool:
    """Return whether a text contains the text of a region, regardless of its offsets.

    The offsets are ignored because they may count units other than characters.
    """
    return bare(region["text"]) in bare(text)
