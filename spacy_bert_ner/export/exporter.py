"""Export a pipeline to another runtime if it stays accurate enough, or export only its checkpoint or ONNX graph."""

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

from ..corpus.spacy_reader import CorpusReader, read_references
from ..corpus.splitting.part_file import COMPARED_ON, part_file
from ..errors import BertNerError, Errors, ExportError, is_number
from ..evaluation.model_card import checkpoint_card
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
from ..util.progress import Progress, no_progress
from .to_onnx import convert, quantize, require_packages

GRAPHS = {"onnx": "fp32", "onnx-int8": "int8"}
"""Precision of each runtime that runs an ONNX graph, in order of decreasing precision."""

PRECISIONS = {"torch-bf16": "bf16", "torch-int8": "int8"}
"""Precision of each runtime that runs on `torch`."""

AUTO, BASELINE = "auto", "torch"
RUNTIMES = (*GRAPHS, *PRECISIONS, AUTO)
MIN_SPEEDUP = 1.05
"""Minimum speed of a less precise runtime, relative to a more precise one. Smaller differences may be due to chance."""

TARGETS = ("pipeline", "hf", "onnx")
TOLERANCE = 0.002
NEEDED, MADE_BY = "onnxruntime>=1.20", "spacy-bert-ner export"
CARD_NAME, REPORT_NAME = "README.md", "export.json"


class BenchmarkResult(NamedTuple):
    """Accuracy and speed of a pipeline on the dev data.

    f1 (float): entity F1, from 0 to 1.
    words (float): words per second.
    """

    f1: float
    words: float


class Report(NamedTuple):
    """The runtime that an export selected, with the results for all tried runtimes.

    runtime (str): the selected runtime.
    before (BenchmarkResult): results for the original pipeline.
    tried (dict[str, BenchmarkResult]): results for each runtime, in the order in which they were tried.
    """

    runtime: str
    before: BenchmarkResult
    tried: dict[str, BenchmarkResult]

    @property
    def after(self) -> BenchmarkResult:
        """Return the results for the exported pipeline."""
        return self.tried[self.runtime]


def export_pipeline(
    folder: Path,
    output: Path,
    data: Path,
    *,
    runtime: str = "onnx-int8",
    tolerance: float = TOLERANCE,
    progress: Progress = no_progress,
) -> Report:
    """Export a pipeline so that its `bert_ner` components use another runtime. Other components do not change.

    With "auto", the exporter tries the original pipeline and a graph for each precision. It also tries `torch` in
    bfloat16 and int8 if the model and hardware support them efficiently. Among the runtimes whose entity F1 is within
    the tolerance, it selects the fastest on this machine and data. A less precise runtime must be at least 5% faster
    than a more precise one.

    folder (Path): folder that contains the trained pipeline.
    output (Path): folder to write. An existing folder must be empty or contain an older export, which is replaced.
    data (Path): file with examples in any supported format, or a folder that contains the dev split; see `part_file`.
    runtime (str): one of `RUNTIMES`. Default: "onnx-int8".
    tolerance (float): maximum decrease in entity F1 on the examples, from 0 to 1. Default: 0.002.
    progress (Progress): shows how many runtimes are converted and measured. Default: `no_progress`.
    RETURNS (Report): the measurements, which are also written to `export.json` in the output folder.
    RAISES ExportError: entity F1 decreases by more than the tolerance, so nothing is written.
        BertNerError: an argument is invalid, a file is missing, the pipeline was already exported, the dev data is
        ambiguous, or the pipeline can predict none of the labels in this data.
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
    check_labels(nlp, {ent.label_ for _, doc in read_references(data, nlp) for ent in doc.ents}, folder, data)
    requirements = nlp.meta.get("requirements", [])
    originals = {name: _original(nlp, name) for name in names}
    before, variants = _evaluate(nlp, data, folder), {BASELINE: originals}
    tried = {BASELINE: before} if runtime == AUTO else {}
    candidates = _candidates(originals) if runtime == AUTO else [runtime]
    for candidate in progress(candidates, "measuring", len(candidates)):
        # Tracing takes most of the time, so the float32 graph from an earlier trial is reused.
        exact = variants.get("onnx", {})
        variants[candidate] = {name: _convert(pipe, candidate, exact.get(name)) for name, pipe in originals.items()}
        _install(nlp, variants[candidate])
        tried[candidate] = _evaluate(nlp, data, folder)
    # The small constant allows for rounding errors. For example, 0.9 - 0.898 is slightly more than 0.002.
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
    """A component's checkpoint and runtime, with the matching config section.

    checkpoint (Any): checkpoint used for prediction.
    runtime (TorchRuntime | OnnxRuntime): runtime that runs the checkpoint.
    section (dict[str, Any] | None): content of `[components.<name>.model.runtime]`; None for the default runtime.
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
    """Return the runtimes that "auto" tries after the original pipeline, in order of decreasing precision."""
    on_torch = [name for name in PRECISIONS if all(_may_gain(original, name) for original in originals.values())]
    exact, *others = GRAPHS
    return [exact, *on_torch, *others]


def _may_gain(original: RuntimeVariant, runtime: str) -> bool:
    """Return whether another precision on `torch` may make a component faster."""
    precision, device = original.runtime.precision, original.checkpoint.device.type
    if PRECISIONS[runtime] == "bf16":
        return has_fast_bf16(device) and autocast_dtype(precision, device) != torch.bfloat16
    return precision != "int8" and lacks_int8(original.checkpoint) is None


def _convert(original: RuntimeVariant, runtime: str, exact: RuntimeVariant | None) -> RuntimeVariant:
    """Convert a component's checkpoint and runtime to another runtime.

    exact (RuntimeVariant | None): the "onnx" variant if it was already created; None otherwise.
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
    """Set the checkpoint and runtime of each named component, and write the runtimes to the pipeline's config."""
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
    """Return the SHA-256 checksum of each weight file in a pipeline, by path relative to the pipeline's folder."""
    paths = sorted(path for kind in (GRAPH, "model.safetensors") for path in folder.glob(f"*/model/{kind}"))
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def _is_older_export(folder: Path) -> bool:
    """Return whether `export_pipeline` wrote a pipeline and its weights have not changed since.

    A pipeline that was trained after the export must not be overwritten.
    """
    try:
        report = srsly.read_json(folder / REPORT_NAME)
    except (OSError, ValueError):
        return False
    is_ours = isinstance(report, dict) and report.get("made_by") == MADE_BY
    return is_ours and report.get("weights") == _weights(folder)


def export_checkpoint(folder: Path, output: Path, target: str, *, name: str | None = None) -> None:
    """Write a pipeline's token classifier, config and tokenizer to a separate folder.

    folder (Path): folder that contains the trained pipeline.
    output (Path): folder to write. An existing folder must be empty or contain an older export, which is replaced.
    target (str): "hf" for a Hugging Face checkpoint with a model card, or "onnx" for a float32 graph.
    name (str | None): name of the component; None if the pipeline has only one `bert_ner` component.
    RAISES BertNerError: a file is missing, the component is not unique, or the pipeline was already exported.
    """
    _check_output(folder, output, GRAPH if target == "onnx" else CARD_NAME)
    nlp, names = open_pipeline(folder)
    if name not in names and (name or len(names) > 1):
        raise BertNerError(Errors.which_component.format(folder=folder, found=", ".join(names), first=names[0]))
    pipe = cast(BertNer, nlp.get_pipe(name or names[0]))
    checkpoint = _trainable(pipe)
    if target == "onnx":
        # Any ONNX software may run the graph, so it must not contain nodes that only `onnxruntime` supports.
        OnnxCheckpoint.of(checkpoint, convert(checkpoint, "fp32", fused=False)).save(output)
        return
    with atomic_folder(output) as temporary:
        checkpoint.save(temporary)
        has_markers = CAPITAL in checkpoint.tokenizer.get_vocab()
        card = checkpoint_card(
            nlp.meta,
            checkpoint.tags.labels,
            base_model=_base_model(pipe),
            separate_markers=(CAPITAL, CAPITALS) if has_markers else (),
        )
        (temporary / CARD_NAME).write_text(card, encoding="utf8")


def _base_model(pipe: BertNer) -> str | None:
    """Return the name of the checkpoint on the Hub that was trained further, or None if it was in a folder."""
    source = pipe.cfg.get("source") or {}
    return source.get("name") if source.get("commit") else None


def _trainable(pipe: BertNer) -> Any:
    if is_shared(pipe.model):
        raise BertNerError(Errors.no_export.format(name=pipe.name))
    checkpoint = get_checkpoint(pipe.model)
    if not checkpoint.can_train:
        raise BertNerError(Errors.exported.format(name=pipe.name))
    return checkpoint


def _evaluate(nlp: Language, data: Path, folder: Path) -> BenchmarkResult:
    read = CorpusReader([data])
    first = nlp.evaluate(read(nlp))
    if first.get("ents_f") is None:
        raise BertNerError(Errors.nothing_to_compare.format(data=data, folder=folder))
    # The first run includes loading and warm-up time, so the speed is measured twice.
    second = nlp.evaluate(read(nlp))
    return BenchmarkResult(first["ents_f"], max(first["speed"], second["speed"]))


def _check_output(folder: Path, output: Path, marker: str | None = None) -> None:
    """Reject an output folder that contains anything other than an older export.

    marker (str | None): name of a file that an exported checkpoint or graph contains; None for a pipeline.
    """
    if output.resolve() == folder.resolve() or output.resolve() in folder.resolve().parents:
        raise BertNerError(Errors.output_is_input.format(output=output))
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    is_older = (output / marker).is_file() if marker else _is_older_export(output)
    # Encoders and trained pipelines may also contain a `README.md`, and the card of a pipeline has the same tag.
    if is_older and marker == CARD_NAME:
        card = (output / CARD_NAME).read_text(encoding="utf8")
        is_older = "- spacy-bert-ner\n" in card and "\nlibrary_name: transformers\n" in card
    if not is_older:
        raise BertNerError(Errors.output_taken.format(output=output))
