"""Make a pipeline that runs without a torch model, and refuse it where it finds other entities; give away its parts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple, cast

from spacy.language import Language
from spacy.training import Corpus

from .case_marks import CAPITAL, CAPITALS
from .component import BertNer
from .errors import BertNerError, Errors, ExportError
from .files import whole_folder
from .model import get_checkpoint, replace_checkpoint
from .pipelines import open_pipeline
from .runtimes.conversion import convert
from .runtimes.graph import GRAPH, GraphCheckpoint
from .runtimes.on_onnx import OnnxRuntime

RUNTIMES = {"onnx": "fp32", "onnx-int8": "int8"}
"""Names of what a pipeline can be exported to, and the precision of the graph."""
TARGETS = ("pipeline", "hf", "onnx")
TOLERANCE = 0.002
CARD_NAME = "README.md"


class Report(NamedTuple):
    """What a pipeline scores on the dev data, before and after: entity F1, and words a second."""

    f1_before: float
    f1_after: float
    words_before: float
    words_after: float


def export_pipeline(
    folder: Path, output: Path, data: Path, *, runtime: str = "onnx-int8", tolerance: float = TOLERANCE
) -> Report:
    """Write a pipeline whose `bert_ner`s run on onnxruntime; all other components stay as they are.

    folder (Path): of the trained pipeline.
    output (Path): of the new one; not there yet, or an older one, which it takes the place of.
    data (Path): a `.spacy` file of examples, such as the dev data.
    runtime (str): a key of `RUNTIMES`.
    tolerance (float): by how much entity F1, from 0 to 1, may fall on these examples.
    RAISES ExportError: it falls by more; nothing is written. BertNerError: something is not there, or was exported
        already.
    """
    if runtime not in RUNTIMES:
        raise BertNerError(Errors.bad_runtime.format(runtime=runtime, allowed=", ".join(RUNTIMES)))
    _check_output(folder, output, f"*/model/{GRAPH}")
    nlp, names = open_pipeline(folder, data)
    f1_before, words_before = _evaluate(nlp, data, folder)
    for name in names:
        pipe = cast(BertNer, nlp.get_pipe(name))
        checkpoint = _trainable(pipe)
        graph = GraphCheckpoint.of(checkpoint, convert(checkpoint, RUNTIMES[runtime]))
        replace_checkpoint(pipe.model, graph, OnnxRuntime())
        section: dict[str, Any] = {"@misc": "spacy_bert_ner.OnnxRuntime.v1", "threads": None, "provider": "auto"}
        nlp.get_pipe_config(name)["model"]["runtime"] = section
    f1_after, words_after = _evaluate(nlp, data, folder)
    if f1_before - f1_after > tolerance:
        fall = f1_before - f1_after
        points = {"before": f1_before, "after": f1_after, "fall": fall, "allowed": math.ceil(1000 * fall) / 1000}
        raise ExportError(Errors.too_far_off.format(runtime=runtime, data=data, tolerance=tolerance, **points))
    known = nlp.meta.get("requirements", [])
    nlp.meta["requirements"] = [*known, *(r for r in ["onnxruntime>=1.20"] if r not in known)]
    with whole_folder(output) as temporary:
        nlp.to_disk(temporary)
    return Report(f1_before, f1_after, words_before, words_after)


def export_checkpoint(folder: Path, output: Path, target: str, *, name: str | None = None) -> None:
    """Write the token classifier of a pipeline as a folder of its own, with a model card for "hf".

    target (str): "hf" for a plain checkpoint, "onnx" for a graph in float32, both with config and tokenizer.
    name (str | None): of the component; None where there is one alone.
    RAISES BertNerError: something is not there, or was exported already.
    """
    _check_output(folder, output, GRAPH if target == "onnx" else CARD_NAME)
    nlp, names = open_pipeline(folder)
    if name not in names and (name or len(names) > 1):
        raise BertNerError(Errors.which_component.format(folder=folder, found=", ".join(names), first=names[0]))
    checkpoint = _trainable(cast(BertNer, nlp.get_pipe(name or names[0])))
    if target == "onnx":
        # For whoever reads ONNX, and not for onnxruntime alone.
        GraphCheckpoint.of(checkpoint, convert(checkpoint, "fp32", fused=False)).save(output)
        return
    with whole_folder(output) as temporary:
        checkpoint.save(temporary)
        is_marked = CAPITAL in checkpoint.tokenizer.get_vocab()
        (temporary / CARD_NAME).write_text(_card(nlp, checkpoint.tags.labels, is_marked=is_marked), encoding="utf8")


def _trainable(pipe: BertNer) -> Any:
    checkpoint = get_checkpoint(pipe.model)
    if not checkpoint.can_train:
        raise BertNerError(Errors.exported.format(name=pipe.name))
    return checkpoint


def _evaluate(nlp: Language, data: Path, folder: Path) -> tuple[float, float]:
    scores = nlp.evaluate(Corpus(data)(nlp))
    if scores.get("ents_f") is None:
        raise BertNerError(Errors.nothing_to_compare.format(data=data, folder=folder))
    return scores["ents_f"], scores["speed"]


def _check_output(folder: Path, output: Path, mark: str) -> None:
    """Refuse to take the place of what is no older export, which has a file of the name `mark`."""
    if output.resolve() == folder.resolve() or output.resolve() in folder.resolve().parents:
        raise BertNerError(Errors.output_is_input.format(output=output))
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    marks = list(output.glob(mark))
    # Encoders and trained pipelines have a README.md and a config too.
    if not marks or (mark == CARD_NAME and "- spacy-bert-ner\n" not in marks[0].read_text(encoding="utf8")):
        raise BertNerError(Errors.output_taken.format(output=output))


CARD = """---
language: {lang}
library_name: transformers
pipeline_tag: token-classification
tags:
- named-entity-recognition
- spacy-bert-ner
{license}---

# {name}

A token classifier for named entities, with the labels {labels}. It was trained in the spaCy pipeline
`{name}` {version} by [spacy-bert-ner](https://github.com/spacy-bert-ner/spacy-bert-ner).
{scores}
## Use

In spaCy, where a prediction is made for each token and read as the best legal sequence:

```python
import spacy

nlp = spacy.blank("{lang}")
nlp.add_pipe("bert_ner", config={{"model": {{"name": "path/to/this/folder"}}}})
```

{alone}"""
ALONE = """With transformers alone:

```python
from transformers import pipeline

ner = pipeline("token-classification", "path/to/this/folder", aggregation_strategy="first")
```
"""
MARKED = f"""With transformers alone, take for each word the tag of its first subword by offsets. Capital letters are
marked by subwords of their own, `{CAPITAL}` and `{CAPITALS}`, which the pipeline of transformers takes for words.
"""


def _card(nlp: Language, labels: tuple[str, ...], *, is_marked: bool) -> str:
    meta = nlp.meta
    performance = meta.get("performance") or {}
    scores = ""
    if performance.get("ents_f"):
        keys = {"ents_p": "precision", "ents_r": "recall", "ents_f": "F1"}
        rows = [f"| {name} | {performance[key]:.4f} |" for key, name in keys.items() if performance.get(key)]
        about = "Entities of the data that the best weights were chosen on:"
        scores = "\n".join(["", about, "", "| | |", "|-|-|", *rows, ""])
    return CARD.format(
        lang=meta["lang"],
        name=f"{meta['lang']}_{meta['name']}",
        version=meta["version"],
        license=f"license: {meta['license']}\n" if meta.get("license") else "",
        labels=", ".join(f"`{label}`" for label in labels),
        scores=scores,
        alone=MARKED if is_marked else ALONE,
    )
