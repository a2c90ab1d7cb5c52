"""Predict entities in one way, as a worker process for `inference.py`.

The environment with the adapter also runs this script. It has neither `spacy_bert_ner` nor transformers 5, so each
function imports the packages that it needs.

    python benchmarks/inference_ways.py WAY CHECKPOINT [cuda]

The script reads one JSON line per job from standard input, and writes one JSON line with the answer to standard output.
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
PRODUCTS_ON_GPU = 65536  # fewer rows do not fully use a GPU
LONG_WINDOW, LEAST_OVERLAP = 512, 16  # as in the adapter

Entities = list[list[tuple[int, int, str]]]  # for each text: start and end characters, and the label, for each entity


class Way:
    """One way to predict entities. `read` handles many texts, and `read_one` one text."""

    read: Callable[[list[str]], Entities]

    def read_one(self, text: str) -> Entities:
        return self.read([text])


class Pipeline(Way):
    """A spaCy pipeline with one component."""

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
    """The transformers pipeline, with overlapping windows to avoid truncating long texts."""

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
    """A hand-written loop, as a careful engineer would write it.

    The loop sorts windows by length, forms batches by their number of subwords and takes the best tag for each subword.
    It returns no entities, so its time is a lower bound for useful predictions.
    """

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
    """Only the encoder's matrix products, which show the speed of the machine. It predicts no entities."""

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
        """Return the operations per second. A multiplication and an addition count as two operations."""
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
    """Count the multiplications and additions in the encoder's matrix products for some texts.

    Padding and overlaps are not counted. Each subword takes 2 operations per weight. Each pair of subwords in a window
    takes 4 operations per hidden unit in each layer.
    """
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
    """Run one job.

    RETURNS: `seconds` and `peak_mb` for all texts, `latencies` for each text, `entities`, or the `rate` of matrix
    products.
    """
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
    entities = way.read(texts)
    seconds = time.perf_counter() - start
    if job["do"] == "entities":
        return {"entities": entities}
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the adapter warns about each entity that it drops
    out = sys.stdout
    sys.stdout = sys.stderr  # keep output from libraries separate from the answers
    asked = make_way(*sys.argv[1:4])
    for line in sys.stdin:
        print(json.dumps(answer(asked, json.loads(line))), file=out, flush=True)
