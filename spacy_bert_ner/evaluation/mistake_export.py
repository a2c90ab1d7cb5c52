"""Format mistakes for annotation tools: Label Studio, Prodigy or doccano.

The gold entities are exported as annotations, which an annotator can correct. Label Studio shows the predicted entities
beside them. Prodigy and doccano store the predicted entities as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BertNerError, Errors
from .error_cases import Case

FORMATS = ("label-studio", "prodigy", "doccano")


def export_format(path: Path, name: str | None = None) -> str:
    """Check the name of a format, or choose the format that fits the suffix of a file.

    path (Path): the file.
    name (str | None): one of `FORMATS`. None (default) chooses `label-studio` for `.json` and `prodigy` for `.jsonl`.
    RETURNS (str): the name of the format.
    RAISES BertNerError: there is no such format, or `name` is None and the file has another suffix.
    """
    if name is None:
        name = {".json": "label-studio", ".jsonl": "prodigy"}.get(path.suffix.lower())
    if name not in FORMATS:
        raise BertNerError(Errors.mistakes_format.format(name=name, path=path, allowed=", ".join(FORMATS)))
    return name


def export_mistakes(mistakes: Mapping[str, Sequence[Case]], format: str) -> str:
    """Format mistakes as the content of a file. A sentence with several mistakes occurs only once.

    mistakes: mistakes by pipeline; see `error_cases.mistake_cases`.
    format (str): one of `FORMATS`.
    RETURNS (str): JSON for Label Studio, and JSONL for Prodigy and doccano.
    """
    sentences = list(_sentences(mistakes))
    if format == "label-studio":
        return json.dumps([_label_studio(sentence) for sentence in sentences], indent=1, ensure_ascii=False) + "\n"
    record = {"prodigy": _prodigy, "doccano": _doccano}[format]
    return "".join(json.dumps(record(sentence), ensure_ascii=False) + "\n" for sentence in sentences)


def _sentences(mistakes: Mapping[str, Sequence[Case]]) -> Iterator[dict[str, Any]]:
    """Yield each sentence with an ID, its gold entities, and the predictions and kinds of mistakes by pipeline."""
    sentences: dict[str, dict[str, Any]] = {}
    for pipeline, cases in mistakes.items():
        for case in cases:
            sides = {side: [_without_frame(entity) for entity in case[side]] for side in ("gold", "predicted")}
            key = json.dumps([case["file"], case["doc"], case["text"], sides["gold"]])
            sentence = sentences.setdefault(
                key,
                {"id": len(sentences) + 1, **{name: case[name] for name in ("file", "doc", "text")}}
                | {"gold": sides["gold"], "predicted": {}, "kinds": {}},
            )
            sentence["predicted"][pipeline] = sides["predicted"]
            kinds = sentence["kinds"].setdefault(pipeline, [])
            if case["kind"] not in kinds:
                kinds.append(case["kind"])
    yield from sentences.values()


def _without_frame(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if key != "here"}


def _source(sentence: Mapping[str, Any]) -> str:
    return f"{sentence['file']}:{sentence['doc']}"


def _label_studio(sentence: Mapping[str, Any]) -> dict[str, Any]:
    def regions(entities: Sequence[Mapping[str, Any]], prefix: str) -> list[dict[str, Any]]:
        return [
            {
                "id": f"{prefix}{i}",
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "value": {
                    "start": entity["start"],
                    "end": entity["end"],
                    "text": sentence["text"][entity["start"] : entity["end"]],
                    "labels": [entity["label"]],
                },
            }
            | ({"score": entity["score"]} if "score" in entity else {})
            for i, entity in enumerate(entities, start=1)
        ]

    return {
        "id": sentence["id"],
        "data": {"text": sentence["text"], "source": _source(sentence), "kinds": sentence["kinds"]},
        "annotations": [{"result": regions(sentence["gold"], "gold"), "ground_truth": True}],
        "predictions": [
            {"model_version": pipeline, "result": regions(entities, f"predicted{i}-")}
            for i, (pipeline, entities) in enumerate(sentence["predicted"].items(), start=1)
        ],
    }


def _prodigy(sentence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "text": sentence["text"],
        "spans": sentence["gold"],
        "meta": {"source": _source(sentence), "kinds": sentence["kinds"], "predicted": sentence["predicted"]},
    }


def _doccano(sentence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": sentence["id"],
        "text": sentence["text"],
        "label": [[entity["start"], entity["end"], entity["label"]] for entity in sentence["gold"]],
        "source": _source(sentence),
        "kinds": sentence["kinds"],
        "predicted": sentence["predicted"],
    }
