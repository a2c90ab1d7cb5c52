"""What inference.py runs in processes of their own: one way to find entities, which is asked to do so again and again.

The environment of the peer runs this too. It has neither spacy_bert_ner nor transformers 5, so that each function
imports what it needs.

    python benchmarks/inference_ways.py WAY CHECKPOINT [cuda]

reads a line of JSON a job, and writes one of JSON for each.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

WINDOW, OVERLAP, BATCH_TOKENS = 128, 32, 2048  # as in `bert_ner`
PRODUCTS_ON_GPU = 65536  # fewer rows do not fill it
LONG_WINDOW, LEAST_OVERLAP = 512, 16  # as in the adapter

Entities = list[list[tuple[int, int, str]]]  # of each text: first character, one past the last, label


class Way:
    """`read` finds the entities in texts, `read_one` in one text; both with all that a user waits for."""

    read: Callable[[list[str]], Entities]

    def read_one(self, text: str) -> Entities:
        return self.read([text])


class Pipeline(Way):
    """A spaCy pipeline of one component."""

    def __init__(self, factory: str, config: dict[str, Any], device: str) -> None:
        import spacy
        from thinc.api import require_gpu

        if device == "cuda":
            require_gpu()
        self.nlp = spacy.blank("en")
        self.nlp.max_length = 10**8
        self.nlp.add_pipe(factory, config=config)

    def read(self, texts: list[str]) -> Entities:
        return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in self.nlp.pipe(texts)]

    def read_one(self, text: str) -> Entities:
        return [[(e.start_char, e.end_char, e.label_) for e in self.nlp(text).ents]]


class Transformers(Way):
    """The pipeline of transformers, with overlapping windows, so that nothing is cut off."""

    def __init__(self, checkpoint: str, batch_size: int, device: str) -> None:
        from transformers import AutoTokenizer, pipeline

        tokenizer = AutoTokenizer.from_pretrained(checkpoint, model_max_length=LONG_WINDOW)
        self.batch_size = batch_size
        self.pipeline = pipeline(
            "token-classification",
            checkpoint,
            tokenizer=tokenizer,
            aggregation_strategy="first",
            stride=LEAST_OVERLAP,
            device=device,
        )

    def read(self, texts: list[str]) -> Entities:
        found: Any = self.pipeline(texts, batch_size=self.batch_size)
        return [[(e["start"], e["end"], e["entity_group"]) for e in ents] for ents in found]


class Loop(Way):
    """What a careful engineer writes by hand: windows sorted by length, batches by tokens, the best tag of each
    subword. It gives back no entities, so that what it takes is the least that there is to do."""

    def __init__(self, checkpoint: str, precision: str, device: str) -> None:
        import torch
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint, model_max_length=WINDOW)
        self.model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval().to(device)
        self.half = {"fp32": None, "bf16": torch.bfloat16}[precision]

    def read(self, texts: list[str]) -> Entities:
        import torch

        encoded = self.tokenizer(texts, truncation=True, stride=OVERLAP, return_overflowing_tokens=True)["input_ids"]
        order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i]))
        with torch.inference_mode(), torch.autocast(self.device, self.half or torch.bfloat16, enabled=bool(self.half)):
            for batch in self._batches([encoded[i] for i in order]):
                inputs = self.tokenizer.pad({"input_ids": batch}, return_tensors="pt").to(self.device)
                self.model(**inputs).logits.argmax(-1).cpu()
        return [[] for _ in texts]

    def _batches(self, windows: list[list[int]]) -> Iterator[list[list[int]]]:
        start = 0
        while start < len(windows):
            n = max(BATCH_TOKENS // len(windows[start]), 1)
            yield windows[start : start + n]
            start += n


class Products(Way):
    """The products of matrices of the encoder and nothing else: what the machine can do. Not a way to find entities."""

    def __init__(self, checkpoint: str, precision: str, device: str) -> None:
        import torch
        from transformers import AutoConfig

        self.device, n = device, PRODUCTS_ON_GPU if device == "cuda" else BATCH_TOKENS
        config = AutoConfig.from_pretrained(checkpoint)
        kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        h, wide = config.hidden_size, config.intermediate_size
        shapes = [(h, h)] * 4 + [(h, wide), (wide, h)]
        self.layers = [torch.nn.Linear(a, b, dtype=kind, device=device) for a, b in shapes]
        self.inputs = [torch.randn(n, a, dtype=kind, device=device) for a, _ in shapes]
        self.operations = 2 * n * sum(a * b for a, b in shapes)

    def rate(self, seconds: float) -> float:
        """Operations a second, multiplications and additions counted apart."""
        import torch

        start, times = time.perf_counter(), 0
        with torch.inference_mode():
            while time.perf_counter() - start < seconds:
                for layer, x in zip(self.layers, self.inputs, strict=True):
                    layer(x)
                if self.device == "cuda":
                    torch.cuda.synchronize()
                times += 1
        return float(times * self.operations / (time.perf_counter() - start))


def count_operations(checkpoint: str, texts: list[str]) -> int:
    """Multiplications and additions that the encoder's matrices cost for the subwords of these texts, without padding
    and overlaps: 2 for each weight and subword, and for each pair of subwords of a window 4 for each hidden unit."""
    from transformers import AutoConfig, AutoTokenizer

    config, tokenizer = AutoConfig.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    h, wide = config.hidden_size, config.intermediate_size
    weights = 4 * h * h + 2 * h * wide
    total = 0
    for ids in tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]:
        whole, rest = divmod(len(ids), WINDOW - 2)
        for n in [WINDOW] * whole + ([rest + 2] if rest else []):
            total += config.num_hidden_layers * (2 * n * weights + 4 * n * n * h)
    return total


def make_way(name: str, checkpoint: str, device: str = "cpu") -> Way:
    kind, _, detail = name.partition(", ")
    if kind == "spacy-huggingface-pipelines":
        return Pipeline("hf_token_pipe", {"model": checkpoint}, device)
    if kind == "transformers pipeline":
        return Transformers(checkpoint, int(detail.split()[-1]), device)
    if kind == "hand-written loop":
        return Loop(checkpoint, detail, device)
    if kind == "matrix products":
        return Products(checkpoint, detail, device)
    precision, _, batch = detail.partition(", ")
    runtime: dict[str, str] | None = {"@misc": "spacy_bert_ner.OnnxRuntime.v1"}
    if precision in ("", "bf16", "fp16", "int8"):
        runtime = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "precision": precision} if precision else None
    model: dict[str, Any] = {"name": checkpoint, "runtime": runtime}
    if batch:
        model["max_batch_tokens"] = int(batch)
    return Pipeline("bert_ner", {"model": model}, device)


def answer(way: Way, job: dict[str, Any]) -> dict[str, Any]:
    """Do one job: `seconds` for all texts, `latencies` of each alone, `entities`, or the `rate` of products."""
    if job["do"] == "rate":
        assert isinstance(way, Products)
        return {"rate": way.rate(job["seconds"])}
    texts = job["texts"]
    if job["do"] == "latencies":
        latencies = []
        for text in texts:
            start = time.perf_counter()
            way.read_one(text)
            latencies.append(time.perf_counter() - start)
        return {"latencies": latencies}
    start = time.perf_counter()
    found = way.read(texts)
    seconds = time.perf_counter() - start
    if job["do"] == "entities":
        return {"entities": found}
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the adapter warns of each entity that it drops
    out = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    asked = make_way(*sys.argv[1:4])
    for line in sys.stdin:
        print(json.dumps(answer(asked, json.loads(line))), file=out, flush=True)
