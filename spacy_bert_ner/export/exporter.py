"""Export a pipeline to another runtime, unless its accuracy falls; or export only its checkpoint or ONNX graph."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import srsly
import torch
from spacy.language import Language
from spacy.training import Corpus

from ..corpus.readers.docbin import read_docs
from ..corpus.splitting.part_file import COMPARED_ON, part_file
from ..errors import BertNerError, Errors, ExportError, is_number
from ..models.shared_token_classifier import is_shared
from ..models.token_classifier import get_checkpoint, replace_checkpoint
from ..nn.mixed_precision import autocast_dtype, has_fast_bf16
from ..pipeline.bert_ner import BertNer
from ..runtimes.onnx_checkpoint import GRAPH, OnnxCheckpoint
from ..runtimes.onnx_runtime import OnnxRuntime
from ..runtimes.torch_runtime import TorchRuntime, lacks_int8
from ..tokenization.case_markers import CAPITAL, CAPITALS
from ..util.atomic_io import atomic_folder, sha256_of
from ..util.pipelines import check_labels, open_pipeline
from .to_onnx import convert, quantize, require_packages

GRAPHS = {"onnx": "fp32", "onnx-int8": "int8"}
"""Runtimes with an ONNX graph, the more exact one first, and the precision of each."""

PRECISIONS = {"torch-bf16": "bf16", "torch-int8": "int8"}
"""Runtimes on torch, and the precision of each."""

AUTO, BASELINE = "auto", "torch"
RUNTIMES = (*GRAPHS, *PRECISIONS, AUTO)
MIN_SPEEDUP = 1.05
"""Factor by which a less exact runtime must be faster to be selected; smaller differences may be chance."""

TARGETS = ("pipeline", "hf", "onnx")
TOLERANCE = 0.002
NEEDED, MADE_BY = "onnxruntime>=1.20", "spacy-bert-ner export"
CARD_NAME, REPORT_NAME = "README.md", "export.json"


class BenchmarkResult(NamedTuple):
    """Results of a pipeline on the dev data.

    f1 (float): entity F1, from 0 to 1.
    words (float): words per second.
    """

    f1: float
    words: float


class Report(NamedTuple):
    """Results of an export.

    runtime (str): the selected runtime.
    before (BenchmarkResult): results of the original pipeline.
    tried (dict[str, BenchmarkResult]): results of each runtime, in the order of the trials.
    """

    runtime: str
    before: BenchmarkResult
    tried: dict[str, BenchmarkResult]

    @property
    def after(self) -> BenchmarkResult:
        """Results of the exported pipeline."""
        return self.tried[self.runtime]


def export_pipeline(
    folder: Path, output: Path, data: Path, *, runtime: str = "onnx-int8", tolerance: float = TOLERANCE
) -> Report:
    """Write a pipeline whose `bert_ner` components run on another runtime; all other components are unchanged.

    With "auto", the exporter tries the original pipeline; torch in bfloat16 and in int8, if model and hardware gain by
    it; and a graph of each kind. It selects the runtime with the most words per second, on this machine and these
    examples, whose entity F1 is within the tolerance. A less exact runtime must be 5% faster.

    folder (Path): folder of the trained pipeline.
    output (Path): folder to write. It must be missing or empty, or hold an older export, which is replaced.
    data (Path): a `.spacy` file of examples; or a folder, of which the dev part is used, see `part_file`.
    runtime (str): one of `RUNTIMES`. Default: "onnx-int8".
    tolerance (float): maximum decrease of entity F1 on these examples, from 0 to 1. Default: 0.002.
    RETURNS (Report): the measurements, which are also written to `export.json` in the output.
    RAISES ExportError: entity F1 falls by more; nothing is written. BertNerError: a file is missing, the pipeline was
        already exported, or an argument is not allowed; the dev data in the folder is ambiguous; or the pipeline
        predicts none of its labels.
    """
    if runtime not in RUNTIMES:
        raise BertNerError(Errors.bad_runtime.format(runtime=runtime, allowed=", ".join(RUNTIMES)))
    if not (is_number(tolerance) and 0 <= tolerance <= 1):
        raise BertNerError(Errors.bad_tolerance.format(tolerance=tolerance))
    _check_output(folder, output)
    if runtime not in PRECISIONS:
        require_packages()
    data = part_file(data, COMPARED_ON)
    nlp, names = open_pipeline(folder, data)
    check_labels(nlp, {ent.label_ for _, doc in read_docs(data, nlp.vocab) for ent in doc.ents}, folder, data)
    requirements = nlp.meta.get("requirements", [])
    originals = {name: _original(nlp, name) for name in names}
    before, variants = _evaluate(nlp, data, folder), {BASELINE: originals}
    tried = {BASELINE: before} if runtime == AUTO else {}
    for candidate in _candidates(originals) if runtime == AUTO else [runtime]:
        # Tracing takes most of the time, so a float32 graph from an earlier trial is used again.
        exact = variants.get("onnx", {})
        variants[candidate] = {name: _convert(pipe, candidate, exact.get(name)) for name, pipe in originals.items()}
        _install(nlp, variants[candidate])
        tried[candidate] = _evaluate(nlp, data, folder)
    # The small constant is for rounding: 0.9 - 0.898 is slightly more than 0.002.
    accepted = [name for name, result in tried.items() if before.f1 - result.f1 <= tolerance + 1e-9]
    if not accepted:
        after = tried[runtime]
        fall = before.f1 - after.f1
        points = {"before": before.f1, "after": after.f1, "fall": fall, "allowed": math.ceil(1000 * fall) / 1000}
        raise ExportError(Errors.too_far_off.format(runtime=runtime, data=data, tolerance=tolerance, **points))
    best = accepted[0]
    for name in accepted[1:]:
        if tried[name].words > MIN_SPEEDUP * tried[best].words:
            best = name
    _install(nlp, variants[best])
    if best in GRAPHS:
        nlp.meta["requirements"] = [*requirements, *(r for r in [NEEDED] if r not in requirements)]
    report = Report(best, before, tried)
    with atomic_folder(output) as temporary:
        nlp.to_disk(temporary)
        _write_report(report, data, tolerance, temporary)
    return report


class RuntimeVariant(NamedTuple):
    """The checkpoint and runtime of a component, and the config section for them.

    checkpoint (Any): checkpoint to predict with.
    runtime (TorchRuntime | OnnxRuntime): its runtime.
    section (dict[str, Any] | None): content of `[components.<name>.model.runtime]`; None for the default.
    """

    checkpoint: Any
    runtime: TorchRuntime | OnnxRuntime
    section: dict[str, Any] | None


def _original(nlp: Language, name: str) -> RuntimeVariant:
    pipe = cast(BertNer, nlp.get_pipe(name))
    return RuntimeVariant(
        _trainable(pipe), pipe.model.attrs["runtime"], nlp.get_pipe_config(name)["model"].get("runtime")
    )


def _candidates(originals: dict[str, RuntimeVariant]) -> list[str]:
    """Return the runtimes that "auto" tries after the original pipeline, the more exact ones first."""
    on_torch = [name for name in PRECISIONS if all(_may_gain(original, name) for original in originals.values())]
    exact, *others = GRAPHS
    return [exact, *on_torch, *others]


def _may_gain(original: RuntimeVariant, runtime: str) -> bool:
    """Return whether a component may be faster in another precision on torch."""
    precision, device = original.runtime.precision, original.checkpoint.device.type
    if PRECISIONS[runtime] == "bf16":
        return has_fast_bf16(device) and autocast_dtype(precision, device) != torch.bfloat16
    return precision != "int8" and lacks_int8(original.checkpoint) is None


def _convert(original: RuntimeVariant, runtime: str, exact: RuntimeVariant | None) -> RuntimeVariant:
    """Convert the checkpoint and runtime of a component to another runtime.

    exact (RuntimeVariant | None): the variant for "onnx", if it exists already.
    """
    checkpoint = original.checkpoint
    if runtime in PRECISIONS:
        precision, current = PRECISIONS[runtime], cast(TorchRuntime, original.runtime)
        faster = replace(current, precision=precision, packed_weights=current.packed_weights or precision == "int8")
        return RuntimeVariant(checkpoint, faster, {"@misc": "spacy_bert_ner.TorchRuntime.v1", **asdict(faster)})
    section = {"@misc": "spacy_bert_ner.OnnxRuntime.v1", "threads": None, "provider": "auto", "file": None}
    graph = quantize(exact.checkpoint.graph) if exact else convert(checkpoint, GRAPHS[runtime])
    return RuntimeVariant(OnnxCheckpoint.of(checkpoint, graph), OnnxRuntime(), section)


def _install(nlp: Language, variants: dict[str, RuntimeVariant]) -> None:
    """Set the checkpoints and runtimes of components, by name, and write the runtimes into the pipeline's config."""
    for name, (checkpoint, runtime, section) in variants.items():
        replace_checkpoint(cast(BertNer, nlp.get_pipe(name)).model, checkpoint, runtime)
        nlp.get_pipe_config(name)["model"]["runtime"] = section


def _write_report(report: Report, data: Path, tolerance: float, folder: Path) -> None:
    content = {
        "made_by": MADE_BY,
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        "runtime": report.runtime,
        "data": data.name,
        "tolerance": tolerance,
        "before": report.before._asdict(),
        "tried": {name: result._asdict() for name, result in report.tried.items()},
        "weights": _weights(folder),
    }
    srsly.write_json(folder / REPORT_NAME, content)


def _weights(folder: Path) -> dict[str, str]:
    """Return the SHA-256 checksum of each weight file in a pipeline, by its path in the folder."""
    paths = sorted(path for kind in (GRAPH, "model.safetensors") for path in folder.glob(f"*/model/{kind}"))
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def _is_older_export(folder: Path) -> bool:
    """Return whether `export_pipeline` wrote a pipeline, and its weights are unchanged.

    A pipeline that was trained since then must not be overwritten.
    """
    try:
        report = srsly.read_json(folder / REPORT_NAME)
    except (OSError, ValueError):
        return False
    is_ours = isinstance(report, dict) and report.get("made_by") == MADE_BY
    return is_ours and report.get("weights") == _weights(folder)


def export_checkpoint(folder: Path, output: Path, target: str, *, name: str | None = None) -> None:
    """Write the token classifier of a pipeline as a separate folder, with a model card for "hf".

    folder (Path): folder of the trained pipeline.
    output (Path): folder to write. It must be missing or empty, or hold an older export, which is replaced.
    target (str): "hf" for a plain checkpoint, "onnx" for a graph in float32, both with config and tokenizer.
    name (str | None): name of the component; None if there is only one.
    RAISES BertNerError: a file is missing, the component is not unique, or the pipeline was already exported.
    """
    _check_output(folder, output, GRAPH if target == "onnx" else CARD_NAME)
    nlp, names = open_pipeline(folder)
    if name not in names and (name or len(names) > 1):
        raise BertNerError(Errors.which_component.format(folder=folder, found=", ".join(names), first=names[0]))
    checkpoint = _trainable(cast(BertNer, nlp.get_pipe(name or names[0])))
    if target == "onnx":
        # The graph is for any ONNX software, so it has no nodes that only onnxruntime knows.
        OnnxCheckpoint.of(checkpoint, convert(checkpoint, "fp32", fused=False)).save(output)
        return
    with atomic_folder(output) as temporary:
        checkpoint.save(temporary)
        has_case_markers = CAPITAL in checkpoint.tokenizer.get_vocab()
        card = _model_card(nlp, checkpoint.tags.labels, has_case_markers=has_case_markers)
        (temporary / CARD_NAME).write_text(card, encoding="utf8")


def _trainable(pipe: BertNer) -> Any:
    if is_shared(pipe.model):
        raise BertNerError(Errors.no_export.format(name=pipe.name))
    checkpoint = get_checkpoint(pipe.model)
    if not checkpoint.can_train:
        raise BertNerError(Errors.exported.format(name=pipe.name))
    return checkpoint


def _evaluate(nlp: Language, data: Path, folder: Path) -> BenchmarkResult:
    first = nlp.evaluate(Corpus(data)(nlp))
    if first.get("ents_f") is None:
        raise BertNerError(Errors.nothing_to_compare.format(data=data, folder=folder))
    # The first run includes loading and preparation, so speed is measured twice.
    second = nlp.evaluate(Corpus(data)(nlp))
    return BenchmarkResult(first["ents_f"], max(first["speed"], second["speed"]))


def _check_output(folder: Path, output: Path, marker: str | None = None) -> None:
    """Reject an output folder that holds anything other than an older export.

    marker (str | None): name of a file in an older export; None for the export of a pipeline.
    """
    if output.resolve() == folder.resolve() or output.resolve() in folder.resolve().parents:
        raise BertNerError(Errors.output_is_input.format(output=output))
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    is_older = (output / marker).is_file() if marker else _is_older_export(output)
    # Encoders and trained pipelines may also have a README.md and a config.
    if is_older and marker == CARD_NAME:
        is_older = "- spacy-bert-ner\n" in (output / CARD_NAME).read_text(encoding="utf8")
    if not is_older:
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

In spaCy, with a prediction for each token, decoded to the best valid tag sequence:

```python
import spacy

nlp = spacy.blank("{lang}")
nlp.add_pipe("bert_ner", config={{"model": {{"name": "path/to/this/folder"}}}})
```

{transformers}"""
WITH_TRANSFORMERS = """With only transformers:

```python
from transformers import pipeline

ner = pipeline("token-classification", "path/to/this/folder", aggregation_strategy="first")
```
"""
WITH_CASE_MARKERS = f"""With only transformers, use for each word the tag of its first subword by offsets. Separate
subwords, `{CAPITAL}` and `{CAPITALS}`, mark capital letters. The pipeline of transformers would treat them as words.
"""


def _model_card(nlp: Language, labels: tuple[str, ...], *, has_case_markers: bool) -> str:
    meta = nlp.meta
    performance = meta.get("performance") or {}
    scores = ""
    if performance.get("ents_f"):
        keys = {"ents_p": "precision", "ents_r": "recall", "ents_f": "F1"}
        rows = [f"| {name} | {performance[key]:.4f} |" for key, name in keys.items() if performance.get(key)]
        caption = "Scores for entities, on the data that was used to select the best weights:"
        scores = "\n".join(["", caption, "", "| | |", "|-|-|", *rows, ""])
    return CARD.format(
        lang=meta["lang"],
        name=f"{meta['lang']}_{meta['name']}",
        version=meta["version"],
        license=f"license: {meta['license']}\n" if meta.get("license") else "",
        labels=", ".join(f"`{label}`" for label in labels),
        scores=scores,
        transformers=WITH_CASE_MARKERS if has_case_markers else WITH_TRANSFORMERS,
    )
