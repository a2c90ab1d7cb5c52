"""Check that memory does not grow while `nlp.pipe` annotates a million Docs.

    python benchmarks/soak.py --output benchmarks/soak.json

The texts are the 47,959 sentences in GMB, which are repeated. spaCy's vocabulary stores every word that it has seen, so
it stops growing after the first pass. The checkpoint has two narrow layers with random weights and the encoder's
vocabulary, so that a million Docs only take minutes. Objects that could leak, such as Docs, spans, scores and batches,
do not depend on the width of the layers. Kernels that are cached for each shape do, but their number is bounded. To use
another checkpoint, set `--checkpoint`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import spacy
from common import write_json
from wasabi import table

from spacy_bert_ner.corpus import read_corpus

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"
EVERY = 100_000
LABELS = ("geo", "org", "per", "tim")


def make_checkpoint(encoder: Path, folder: Path) -> Path:
    """Save a token classifier with random weights and an encoder's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tags = ["O", *(f"{prefix}-{label}" for label in LABELS for prefix in "BI")]
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,  # large enough for the model to predict entities
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
    )
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def resident_mb() -> float:
    """Return the resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("There is no VmRSS in /proc/self/status. Run this script on Linux.")


def soak(
    checkpoint: Path, texts: list[str], n_docs: int, every: int, runtime: dict[str, Any] | None
) -> Iterator[dict[str, Any]]:
    """Annotate `n_docs` Docs. Yield the numbers of Docs and entities, memory and seconds after each `every` Docs."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(checkpoint), "runtime": runtime}})
    n_ents, start = 0, time.perf_counter()
    for number, doc in enumerate(nlp.pipe(islice(cycle(texts), n_docs)), start=1):
        n_ents += len(doc.ents)
        if number % every == 0:
            seconds = time.perf_counter() - start
            yield {"docs": number, "mb": resident_mb(), "entities": n_ents, "seconds": seconds}


def main(options: argparse.Namespace) -> None:
    """Read the sentences, annotate the Docs, print a table and write the results as JSON."""
    sentences = read_corpus(options.data, limit=options.limit).sentences
    texts = [" ".join(sentence.words) for sentence in sentences]
    runtime = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "precision": options.precision}
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = options.checkpoint or make_checkpoint(options.encoder, Path(temporary))
        rows = []
        for row in soak(checkpoint, texts, options.docs, options.every, runtime):
            rows.append(row)
            print(json.dumps(row), flush=True)
    first = rows[0]["mb"]
    lines = [
        [f"{r['docs']:,}", f"{r['mb']:.0f}", f"{r['mb'] / first:.3f}", f"{r['entities']:,}", f"{r['seconds']:.0f}"]
        for r in rows
    ]
    print(table(lines, header=["Docs", "MB", "ratio", "entities", "seconds"], divider=True, aligns=["r"] * 5))
    if options.output:
        write_json(options.output, {"precision": options.precision, "rows": rows})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip from the GMB corpus")
    parser.add_argument("--encoder", type=Path, default=ROOT / "assets" / "encoder", help="folder with the tokenizer")
    parser.add_argument("--checkpoint", type=Path, help="folder with another token classifier")
    parser.add_argument("--precision", default="fp32", help="precision of the runtime")
    parser.add_argument("--docs", type=int, default=1_000_000, help="number of Docs")
    parser.add_argument("--every", type=int, default=EVERY, help="number of Docs between two measurements")
    parser.add_argument("--limit", type=int, help="number of GMB sentences to use. Default: all.")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        sys.exit(
            f"error: there is no corpus at {arguments.data}. "
            "Download it: python -m spacy project assets --extra. Then set --data assets/gmb/ner_dataset.csv.zip"
        )
    main(arguments)
