"""Memory while `nlp.pipe` annotates a million Docs, which must not grow.

    python benchmarks/soak.py --output benchmarks/soak.json

Texts are the 47,959 sentences of GMB, again and again, so that the vocabulary of spaCy, which keeps every word that it
has met, is complete after the first round. The checkpoint is a random one of two narrow layers with the vocabulary of
the encoder, so that a million Docs take minutes: what could leak, such as Docs, spans, scores and batches, does not
depend on its width. Kernels that are kept for each shape do, and are bounded in number; `--checkpoint` names another.
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
    """Save a random token classifier with the tokenizer of an encoder."""
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
        initializer_range=0.5,  # so that it finds entities
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
    )
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def resident_mb() -> float:
    """What this process has in memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("there is no VmRSS in /proc/self/status, so that this runs on Linux alone")


def soak(
    checkpoint: Path, texts: list[str], n_docs: int, every: int, runtime: dict[str, Any] | None
) -> Iterator[dict[str, Any]]:
    """Annotate so many Docs; after each `every`, say how many are done, the memory, and how many entities they have."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(checkpoint), "runtime": runtime}})
    n_ents, start = 0, time.perf_counter()
    for number, doc in enumerate(nlp.pipe(islice(cycle(texts), n_docs)), start=1):
        n_ents += len(doc.ents)
        if number % every == 0:
            seconds = time.perf_counter() - start
            yield {"docs": number, "mb": resident_mb(), "entities": n_ents, "seconds": seconds}


def main(options: argparse.Namespace) -> None:
    """Read the sentences, soak, print the table, write the JSON."""
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
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip of the GMB corpus")
    parser.add_argument("--encoder", type=Path, default=ROOT / "assets" / "encoder", help="whose tokenizer it has")
    parser.add_argument("--checkpoint", type=Path, help="folder of another token classifier")
    parser.add_argument("--precision", default="fp32", help="of the runtime")
    parser.add_argument("--docs", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=EVERY, help="Docs between two rows")
    parser.add_argument("--limit", type=int, help="sentences of GMB to take; all of them unless said")
    parser.add_argument("--output", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        sys.exit(
            f"error: no corpus at {arguments.data}. Fetch it: python -m spacy project assets --extra; then --data ..."
        )
    main(arguments)
