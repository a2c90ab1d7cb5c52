"""Damage files and bytes at random and pass them to all readers.

Each read must return a result or raise one of the package's errors. `tests/faults/test_random_damage.py` runs a fixed
number of seeded cases. `nox -s fuzz` runs longer, guided by code coverage (atheris):

    python tests/helpers/fuzzing.py SECONDS [TARGET…]     seconds for each target
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pyarrow as pa
import pyarrow.parquet as pq
import spacy
from checkpoints import save_tagger
from spacy.tokens import DocBin, Span

if sys.argv[1:2] == ["--one"]:
    import atheris

    with atheris.instrument_imports(include=["spacy_bert_ner"]):
        pass

from spacy_bert_ner.corpus.stream import CorpusStream
from spacy_bert_ner.errors import BertNerError

WORDS, TAGS = ["Zoë", "Smith", "left", "New", "York", "."], ["B-per", "I-per", "O", "B-geo", "I-geo", "O"]
TEXT, SPANS = "Zoë Smith left New York.", [(0, 9, "per"), (15, 23, "geo")]


def _conll() -> bytes:
    return "\n".join(f"{word} X {tag}" for word, tag in zip(WORDS, TAGS, strict=True)).encode() + b"\n\nShe O O\n"


def _conllu() -> bytes:
    rows = (
        f"{i}\t{w}\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|NER={t}"
        for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True), 1)
    )
    return ("# newdoc id = one\n# text = " + " ".join(WORDS) + "\n" + "\n".join(rows) + "\n\n").encode()


def _csv(*rows: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _gmb_tokens() -> bytes:
    rows = [["Sentence: 1" if not i else "", w, "X", t] for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True))]
    return _csv(["Sentence #", "Word", "POS", "Tag"], *rows, ["Sentence: 2", "She", "X", "O"])


def _gmb_sentences() -> bytes:
    return _csv(["text", "labels"], [" ".join(WORDS), " ".join(TAGS)], ["She left", "O O"])


def _lines(*records: object) -> bytes:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def _jsonl() -> bytes:
    spans = [{"start": start, "end": end, "label": label} for start, end, label in SPANS]
    return _lines(
        {"text": TEXT, "spans": spans, "answer": "accept", "meta": {"source": "x"}}, {"text": "No", "spans": []}
    )


def _doccano() -> bytes:
    return _lines({"id": 1, "text": TEXT, "label": SPANS}, {"id": 2, "text": "No", "label": []})


def _label_studio() -> bytes:
    results = [
        {"type": "labels", "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]}}
        for start, end, label in SPANS
    ]
    return json.dumps([{"id": 1, "data": {"text": TEXT}, "annotations": [{"result": results}]}]).encode()


def _brat() -> bytes:
    return (
        "".join(f"T{i}\t{n} {s} {e}\t{TEXT[s:e]}\n" for i, (s, e, n) in enumerate(SPANS, 1)).encode()
        + b"#1\tNote T1\tx\n"
    )


def _webanno() -> bytes:
    text = " ".join(WORDS)
    rows = [
        f"1-{i}\t{text.index(word)}-{text.index(word) + len(word)}\t{word}\t{tag.replace('O', '_')[-3:]}[1]\t"
        for i, (word, tag) in enumerate(zip(WORDS, TAGS, strict=True), 1)
    ]
    layer = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value"
    head = ["#FORMAT=WebAnno TSV 3.3", layer, "", "", f"#Text={text}"]
    part = ["", r"#Text=a\\b", "2-1\t99-102\ta\\b\t_\t", "2-1.1\t99-100\ta\tper|geo\t"]
    return "\n".join([*head, *rows, *part]).replace("_[1]", "_").encode()


def _pubtator() -> bytes:
    rows = [f"1\t{start}\t{end}\t{TEXT[start:end]}\t{label}\tD1" for start, end, label in SPANS]
    return "\n".join([f"1|t|{TEXT}", "1|a|It was.", *rows, "1\tCID\tD1\tD2", "", "2|t|No", "2|a|"]).encode()


def _huggingface_json() -> bytes:
    return _lines({"tokens": WORDS, "ner_tags": TAGS}, {"tokens": ["No"], "ner_tags": ["O"]})


def _pairs() -> bytes:
    return json.dumps([[TEXT, {"entities": SPANS}], ["No", {"entities": []}]]).encode()


def _ner_annotator() -> bytes:
    return json.dumps({"classes": ["per"], "annotations": [[TEXT, {"entities": SPANS}], None]}).encode()


def _dataturks() -> bytes:
    annotation = [
        {"label": [label], "points": [{"start": start, "end": end - 1, "text": TEXT[start:end]}]}
        for start, end, label in SPANS
    ]
    return _lines({"content": TEXT, "annotation": annotation}, {"content": "No", "annotation": []})


def _cluener() -> bytes:
    label = {label: {TEXT[start:end]: [[start, end - 1]]} for start, end, label in SPANS}
    return _lines({"text": TEXT, "label": label}, {"text": "No", "label": {}})


def _gliner() -> bytes:
    return _lines({"tokenized_text": WORDS, "ner": [[0, 1, "per"]]}, {"tokenized_text": ["No"], "ner": []})


def _spert() -> bytes:
    entities = [{"type": "per", "start": 0, "end": 2}]
    return _lines({"tokens": WORDS, "entities": entities}, {"tokens": ["No"], "entities": []})


def _label_studio_csv() -> bytes:
    regions = [{"start": s, "end": e, "text": TEXT[s:e], "labels": [label]} for s, e, label in SPANS]
    header = ["id", "text", "label", "annotator", "annotation_id"]
    return _csv(header, ["1", TEXT, json.dumps(regions), "1", "1"], ["2", "No", "[]", "1", "2"])


def _table() -> pa.Table:
    return pa.table({"tokens": [WORDS, ["No"]], "ner_tags": [TAGS, ["O"]]})


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(_table(), out)
    return out.getvalue()


def _arrow() -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, _table().schema) as writer:
        writer.write_table(_table())
    return out.getvalue()


def _docbin() -> bytes:
    doc = spacy.blank("en")(TEXT)
    doc.set_ents([Span(doc, 0, 2, label="per"), Span(doc, 3, 5, label="geo")])
    return DocBin(docs=[doc]).to_bytes()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.conll", _conll())
    return out.getvalue()


@cache
def _tokenizer() -> Callable[[str], spacy.tokens.Doc]:
    return spacy.blank("en").make_doc


Read = Callable[[bytes, Path], object]


def corpus(suffix: str, format: str = "auto") -> Read:
    def read(data: bytes, folder: Path) -> object:
        path = folder / f"data{suffix}"
        path.write_bytes(data)
        if suffix == ".ann":
            path.with_suffix(".txt").write_text(TEXT, encoding="utf8")
        return list(CorpusStream(path, format=format, skip_invalid=1, misaligned="missing", tokenize=_tokenizer()))

    return read


@cache
def _component() -> tuple[object, bytes]:
    folder = Path(tempfile.mkdtemp())
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(
        "bert_ner", config={"model": {"name": str(save_tagger(folder / "tagger", *TAGS[:3])), "overlap": 8}}
    )
    nlp(TEXT)
    return pipe, pipe.to_bytes()


def component(data: bytes, folder: Path) -> object:
    return _component()[0].from_bytes(data)


def saved(file: str) -> Read:
    """Return a reader for one file in a saved component.

    The component has no checksums, so the loader itself must detect the damage.
    """

    def read(data: bytes, folder: Path) -> object:
        pipe, _ = _component()
        if not (folder / "pipe").exists():
            pipe.to_disk(folder / "pipe")
        path = folder / "pipe" / file
        own = path.read_bytes()
        if file != "sha256.json":
            (folder / "pipe" / "sha256.json").write_text("{}")
        path.write_bytes(data)
        try:
            return spacy.blank("en").add_pipe("bert_ner").from_disk(folder / "pipe")
        finally:
            path.write_bytes(own)

    return read


def seed_of(file: str) -> Callable[[], bytes]:
    def seed() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            _component()[0].to_disk(Path(folder) / "pipe")
            return (Path(folder) / "pipe" / file).read_bytes()

    return seed


FILES = ("cfg", "sha256.json", "model/config.json", "model/tokenizer_config.json", "model/tokenizer.json")

TARGETS: dict[str, tuple[Callable[[], bytes], Read]] = {
    "conll": (_conll, corpus(".conll", "conll")),
    "conllu": (_conllu, corpus(".conllu", "conllu")),
    "gmb-tokens": (_gmb_tokens, corpus(".csv", "gmb-tokens")),
    "gmb-sentences": (_gmb_sentences, corpus(".csv", "gmb-sentences")),
    "jsonl": (_jsonl, corpus(".jsonl", "jsonl")),
    "doccano": (_doccano, corpus(".jsonl", "doccano")),
    "label-studio": (_label_studio, corpus(".json", "label-studio")),
    "label-studio, csv": (_label_studio_csv, corpus(".csv", "label-studio")),
    "spacy-2": (_pairs, corpus(".json", "spacy-2")),
    "ner-annotator": (_ner_annotator, corpus(".json", "spacy-2")),
    "dataturks": (_dataturks, corpus(".json", "dataturks")),
    "cluener": (_cluener, corpus(".json", "cluener")),
    "gliner": (_gliner, corpus(".json", "gliner")),
    "spert": (_spert, corpus(".json", "spert")),
    "brat": (_brat, corpus(".ann", "brat")),
    "webanno": (_webanno, corpus(".tsv", "webanno")),
    "pubtator": (_pubtator, corpus(".txt", "pubtator")),
    "huggingface-json": (_huggingface_json, corpus(".json", "huggingface-json")),
    "parquet": (_parquet, corpus(".parquet")),
    "arrow": (_arrow, corpus(".arrow")),
    "spacy": (_docbin, corpus(".spacy")),
    "zip": (_zip, corpus(".zip")),
    "auto, words": (_conll, corpus(".txt")),
    "auto, json": (_jsonl, corpus(".txt")),
    "from_bytes": (lambda: _component()[1], component),
    **{file: (seed_of(file), saved(file)) for file in FILES},
}
"""By target name: a function that returns undamaged bytes, and the reader for them."""

PIECES = [b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"\t", b'"', b"\\", b"[", b"]", b"{", b"}", b","]
PIECES += [
    b"-1",
    b"1e999",
    b"9" * 30,
    b"null",
    b"NaN",
    b"\\ud800",
    "\u202e".encode(),
    b"[" * 3000,
    b"B-",
    b"\x80",
    b"x" * 5000,
]


def damage(data: bytes, rng: random.Random) -> bytes:
    """Change data at random in one to four places.

    A change flips a bit, deletes, inserts, replaces or repeats a section, moves the start to the end, or truncates the
    data.
    """
    for _ in range(rng.randint(1, 4)):
        start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + rng.choice([1, 4, 30, 10**9]))
        kind = rng.randrange(6)
        if kind == 0 and data:
            place = rng.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]
        elif kind == 1:
            data = data[:start] + data[end:]
        elif kind == 2:
            data = data[:start] + rng.choice(PIECES) + data[start:]
        elif kind == 3:
            data = data[:start] + rng.choice(PIECES) + data[end:]
        elif kind == 4:
            data = data[:end] + data[start:]
        else:
            data = data[end:] + data[:end] if rng.random() < 0.2 else data[: len(data) - rng.randrange(9)]
    return data


def survives(read: Read, data: bytes, folder: Path) -> bool:
    """Return whether reading succeeded. Return False for the package's errors and raise all other errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(data, folder)
        except BertNerError:
            return False
    return True


def fuzz(name: str, seconds: float) -> None:
    """Fuzz one target for the given number of seconds and then exit the process."""
    import atheris

    seed, read = TARGETS[name]
    folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    (folder / "seeds").mkdir()
    for i in range(20):
        (folder / "seeds" / str(i)).write_bytes(damage(seed(), rng) if i else seed())
    counts, begin = [0, 0], time.time()

    def once(data: bytes) -> None:
        counts[survives(read, data, folder)] += 1
        if time.time() - begin > seconds:
            print(f"{name}: {sum(counts):,} inputs, {counts[1]:,} read, {counts[0]:,} refused", flush=True)
            os._exit(0)

    limits = ["-rss_limit_mb=8000", "-timeout=60", f"-max_len={1 << 16}", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, str(folder / "seeds")], once)
    atheris.Fuzz()


def main(seconds: str, *names: str) -> None:
    for name in names or TARGETS:
        command = [sys.executable, __file__, "--one", seconds, name]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"{name}: something else than an error of the package, see above")


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        fuzz(sys.argv[3], float(sys.argv[2]))
    main(*sys.argv[1:])
