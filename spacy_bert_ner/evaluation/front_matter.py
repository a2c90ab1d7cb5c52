"""Write the YAML block at the start of a model card, from which the Hugging Face Hub reads a model's metadata.

The fields are specified at https://huggingface.co/docs/hub/model-cards. Unknown values are omitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

TASK = "token-classification"
METRICS = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
"""Names of metrics, by their ID on the Hub."""

LICENCES = [
    "mit",
    "apache-2.0",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsd-3-clause-clear",
    "isc",
    "unlicense",
    "wtfpl",
    "zlib",
    "artistic-2.0",
    "mpl-2.0",
    "gpl",
    "gpl-2.0",
    "gpl-3.0",
    "lgpl",
    "lgpl-2.1",
    "lgpl-3.0",
    "agpl-3.0",
    "cc0-1.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-2.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nd-4.0",
    "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
]
"""IDs of licences on the Hub, in lower case. All other licences have the ID `other` and a name."""


def front_matter(
    meta: Mapping[str, Any],
    library: str,
    *,
    tags: Iterable[str],
    scores: Mapping[str, float],
    data: str,
    split: str,
    base_models: Iterable[str] = (),
) -> str:
    """Return the metadata of a model card, enclosed in `---` lines.

    meta (Mapping): content of the pipeline's `meta.json`; `lang`, `name`, `license` and `datasets` are used.
    library (str): the library that loads the model, "spacy" or "transformers".
    tags (Iterable[str]): tags by which the model can be found on the Hub.
    scores (Mapping[str, float]): entity scores from 0 to 1 by metric ID; see `METRICS`.
    data (str): name of the data on which the scores were computed.
    split (str): split of the data on which the scores were computed, such as "test".
    base_models (Iterable[str]): names on the Hub of the checkpoints that were fine-tuned. Default: none.
    RETURNS (str): the YAML block.
    """
    # Other commands do not need the Hub's client, which takes a while to import.
    from huggingface_hub import EvalResult, ModelCardData

    name = f"{meta['lang']}_{meta['name']}"
    results = [
        EvalResult(
            task_type=TASK,
            task_name="Named entity recognition",
            dataset_type="custom",  # the Hub requires an ID, and the data need not be on the Hub
            dataset_name=data,
            dataset_split=split,
            metric_type=metric,
            metric_name=METRICS[metric],
            metric_value=round(float(score), 4),
        )
        for metric, score in scores.items()
    ]
    card_data = ModelCardData(
        language="multilingual" if meta["lang"] == "xx" else meta["lang"],
        **_licence(meta.get("license")),
        library_name=library,
        pipeline_tag=TASK,
        tags=list(tags),
        base_model=sorted(set(base_models)) or None,
        datasets=meta.get("datasets") or None,
        metrics=[result.metric_type for result in results] or None,
        model_name=name if results else None,
        eval_results=results or None,
    )
    return f"---\n{card_data.to_yaml()}\n---\n"


def _licence(licence: object) -> dict[str, Any]:
    """Return the metadata fields for a licence, or an empty dictionary if there is none."""
    if not licence or not isinstance(licence, str):
        return {}
    known = re.sub(r"\s+", "-", licence.strip().lower())
    if known in LICENCES:
        return {"license": known}
    return {"license": "other", "license_name": known}
