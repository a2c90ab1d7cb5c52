"""Save pipelines with one major version of transformers and check them with another.

`nox -s generations` runs this script in each environment.

python tests/helpers/generations.py save FOLDER            save pipelines and their predictions
python tests/helpers/generations.py check FOLDER FOLDER…   compare predictions; exit with 1 if they differ
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import spacy
import torch
import transformers
from checkpoints import ARCHITECTURES, SENTENCES, make_config, make_tokenizer
from spacy.language import Language
from spacy.training import Example
from transformers import BertModel

TEXTS = [
    *SENTENCES,
    "The U.N. held hour-long talks with Mr. O'Neill, officials said.",
    "São Paulo's mayor met Angela Merkel's aides at 10 a.m. on Oct. 7.",
    "dunno 😂😂 im in london❤️ rn,u? नई दिल्ली is hot; to القاهرة via 東京です .",
    " ".join(SENTENCES * 4),
]
GOLD = [
    ("Kevin Durant plays for the Brooklyn Nets.", [(0, 12, "per"), (27, 40, "org")]),
    ("The U.N. held hour-long talks in São Paulo.", [(4, 8, "org"), (33, 42, "geo")]),
]
TOLERANCE = 1e-3
"""Maximum score difference. The versions of transformers multiply in different orders."""

Found = list[list[tuple[str, str, float]]]


def pipelines(folder: Path) -> Iterator[tuple[str, Language]]:
    """Yield one pipeline per architecture with random weights, and one trained pipeline with case markers."""
    for name, build in ARCHITECTURES.items():
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config={"model": {"name": str(build(folder / name)), "overlap": 8}})
        yield name, nlp
    torch.manual_seed(0)
    BertModel(make_config()).save_pretrained(folder / "encoder")
    make_tokenizer().save_pretrained(folder / "encoder")
    nlp = spacy.blank("en")
    model = {"name": str(folder / "encoder"), "overlap": 8, "mark_case": True, "tag_scheme": "BILUO"}
    nlp.add_pipe("bert_ner", config={"model": model, "objective": "sequences"})
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in GOLD]
    nlp.initialize(lambda: examples)
    nlp.get_pipe("bert_ner").add_label("art")
    optimizer = nlp.create_optimizer()
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    yield "trained", nlp


def find(nlp: Language) -> Found:
    docs = list(nlp.pipe(TEXTS))
    return [[(f"{e.start_char}-{e.end_char}", e.label_, e._.score) for e in doc.ents] for doc in docs]


def save(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    expected: dict[str, Found] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, nlp in pipelines(Path(temporary)):
            expected[name] = find(nlp)
            nlp.to_disk(folder / name)
    (folder / "found.json").write_text(json.dumps(expected), encoding="utf8")


def differences(folder: Path) -> Iterator[str]:
    for name, expected in json.loads((folder / "found.json").read_text(encoding="utf8")).items():
        found = find(spacy.load(folder / name))
        if not any(expected):
            yield f"{name}: nothing was found before"
        elif [[e[:2] for e in doc] for doc in found] != [[tuple(e[:2]) for e in doc] for doc in expected]:
            yield f"{name}: found {found}, expected {expected}"
        else:
            pairs = zip((e for doc in found for e in doc), (e for doc in expected for e in doc), strict=True)
            gap = max(abs(one[2] - other[2]) for one, other in pairs)
            if gap > TOLERANCE:
                yield f"{name}: scores differ by {gap:.5f}"


def main(command: str, *names: str) -> None:
    here = f"Python {sys.version.partition(' ')[0]}, transformers {transformers.__version__}"
    warnings.simplefilter("error")
    # Heads with random weights assign arbitrary tags to later subwords.
    warnings.filterwarnings("ignore", "In .* tokens, a later subword is tagged", UserWarning)
    if command == "save":
        save(Path(names[0]))
        print(f"{here}: saved {names[0]}")
        return
    wrong = {name: list(differences(Path(name))) for name in names}
    for name, lines in wrong.items():
        print(f"{here}: {name}: {'; '.join(lines) or 'the same entities'}")
    if any(wrong.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
