"""Test the metadata in a package, from which `spacy-huggingface-hub` creates a model card on the Hub.

This program (0.0.10) requires an older typer than the pinned version, so it is not installed. It reads `meta.json` and
`README.md`. It copies the language and licence. If a component is named `ner`, it adds the tag `token-classification`.
It reports `ents_p`, `ents_r` and `ents_f` in `performance` as scores for the task NER, with the type
token-classification.
"""

import json
import subprocess

import pytest
import spacy
from fork_server import fast_python
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from support import TRAIN_DATA

pytestmark = pytest.mark.process

NAME = "en_names-1.2.3"


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    """Return a folder with a package and its pipeline, which was trained by `spacy train` and has a licence."""
    folder = tmp_path_factory.mktemp("package")
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", name="ner", config={"model": {"name": str(encoder), "overlap": 8}})
    docs = [Example.from_dict(nlp.make_doc(text), {"entities": ents}).reference for text, ents in TRAIN_DATA]
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    DocBin(docs=docs[:2]).to_disk(folder / "dev.spacy")
    config = nlp.config.copy()
    config["paths"] |= {part: str(folder / f"{part}.spacy") for part in ("train", "dev")}
    config["training"] |= {"max_steps": 30, "eval_frequency": 10, "logger": {"@loggers": "spacy.ConsoleLogger.v1"}}
    with (folder / "log").open("w") as log:
        (folder / "training").mkdir()
        train(init_nlp(config), folder / "training", stdout=log, stderr=log)
    (folder / "meta.json").write_text('{"license": "MIT", "description": "Names of people and places"}')
    options = ["--name", "names", "--version", "1.2.3", "--build", "none", "--meta-path", str(folder / "meta.json")]
    command = [fast_python(), "-m", "spacy", "package", str(folder / "training" / "model-best"), str(folder), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


def meta_of(path):
    return json.loads((path / "meta.json").read_text())


def test_the_card_has_language_licence_and_task(folder):
    meta = meta_of(folder / NAME)
    assert (meta["lang"], meta["license"], meta["components"]) == ("en", "MIT", ["ner"])
    assert meta["labels"] == {"ner": ["geo", "org", "per"]}


def test_the_card_has_the_scores_of_the_dev_data(folder):
    nlp = spacy.load(folder / "training" / "model-best")
    docs = list(DocBin().from_disk(folder / "dev.spacy").get_docs(nlp.vocab))
    scores = nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in docs])
    assert scores["ents_f"] > 0
    performance = meta_of(folder / NAME)["performance"]
    for key in ("ents_p", "ents_r", "ents_f", "iob_acc"):
        assert performance[key] == pytest.approx(scores[key]), key
    assert performance["ents_per_type"].keys() == scores["ents_per_type"].keys()


def test_the_readme_of_the_card_names_labels_and_scores(folder):
    readme = (folder / NAME / "README.md").read_text()
    f = meta_of(folder / NAME)["performance"]["ents_f"]
    for row in ("| **`ner`** | `geo`, `org`, `per` |", f"| `ENTS_F` | {100 * f:.2f} |", "| **License** | `MIT` |"):
        assert row in readme


def test_saving_it_anew_keeps_what_the_card_tells(folder, tmp_path):
    """Test saving a changed pipeline, as `calibrate` does."""
    nlp = spacy.load(folder / "training" / "model-best")
    nlp.get_pipe("ner").cfg["temperature"] = 2.0
    nlp.to_disk(tmp_path)
    assert meta_of(tmp_path)["performance"] == meta_of(folder / "training" / "model-best")["performance"]
