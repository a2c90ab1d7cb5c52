"""Tiny checkpoints with random weights, built here: no test needs the Hub or a network."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import spacy
import torch
import transformers
from checkpoints import LazyCheckpoints, make_config, make_tokenizer
from hypothesis import settings
from spacy.language import Language
from spacy.training import Example
from transformers import BertForTokenClassification, BertModel

# No example has a time limit: the machine may be busy with something else. `--hypothesis-profile nightly` searches
# deeper than each run of `make test` can.
settings.register_profile("dev", deadline=None, max_examples=20)
settings.register_profile("nightly", deadline=None, max_examples=1000)
settings.load_profile("dev")

# Tiny models gain nothing from threads, which cost much where other processes want the cores too.
torch.set_num_threads(1)

RAY = [
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),  # one worker, so that one Ray serves them all
    # Ray warns of settings of its own, which it makes itself.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*"),
    pytest.mark.filterwarnings(r"ignore::FutureWarning:ray\..*"),
    pytest.mark.filterwarnings(r"ignore::ResourceWarning"),
]
"""Marks of tests that start Ray."""

ROOT = Path(__file__).parent.parent

# The tests of what goes with an extra that transformers 5 shuts out; `nox` runs them with transformers 4.
collect_ignore = [] if find_spec("spacy_transformers") else ["test_shared_transformer.py"]
if not find_spec("spacy_curated_transformers"):
    collect_ignore.append("test_shared_curated.py")

TRAIN_DATA = [
    ("Kevin Durant plays for the Brooklyn Nets.", [(0, 12, "per"), (27, 40, "org")]),
    ("The U.N. held hour-long talks in São Paulo.", [(4, 8, "org"), (33, 42, "geo")]),
    ("Mr. O'Neill lives in New York.", [(0, 11, "per"), (21, 29, "geo")]),
    ("Nobody came.", []),
]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected: where Python is as deep in calls as it may go, what other tests left cannot be put away
    without an error, which pytest would count as one of this test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def save_encoder(folder: Path, **changes: object) -> Path:
    torch.manual_seed(0)
    BertModel(make_config(**changes)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT encoder without a tag head and with 64 positions, so that windows are short."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def encoder_512(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the 512 positions that the default config asks for."""
    return save_encoder(tmp_path_factory.mktemp("encoder_512"), max_position_embeddings=512)


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT token classifier with random weights, as plain transformers saves it. Its tag order is not sorted."""
    folder = tmp_path_factory.mktemp("tagger")
    torch.manual_seed(0)
    id2label = dict(enumerate(["B-per", "O", "I-geo", "I-per", "B-geo"]))
    config = make_config(id2label=id2label, label2id={tag: i for i, tag in id2label.items()}, initializer_range=0.5)
    BertForTokenClassification(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> LazyCheckpoints:
    """Name of an architecture → folder with a token classifier of it; see `checkpoints.ARCHITECTURES`."""
    return LazyCheckpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def make_nlp(encoder: Path) -> Callable[..., Language]:
    """A blank pipeline with `bert_ner` around the tiny encoder, not initialized yet."""

    def make(*, name: Path = encoder, config: dict[str, object] | None = None, **model: object) -> Language:
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config={"model": {"name": str(name), "overlap": 8, **model}, **(config or {})})
        return nlp

    return make


def initialized(make_nlp: Callable[..., Language], examples: list[Example], **settings: object) -> Language:
    nlp = make_nlp(**settings)
    nlp.initialize(lambda: examples)
    return nlp


def found(nlp: Language, examples: list[Example]) -> list[list[tuple[str, str]]]:
    """The entities that a pipeline finds in the texts of examples."""
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(eg.text for eg in examples)]


def gold(examples: list[Example]) -> list[list[tuple[str, str]]]:
    """Their gold entities."""
    return [[(ent.text, ent.label_) for ent in eg.reference.ents] for eg in examples]


@pytest.fixture
def nlp(make_nlp: Callable[..., Language], examples: list[Example]) -> Language:
    """A pipeline with `bert_ner`, initialized with the examples."""
    return initialized(make_nlp, examples)


@pytest.fixture
def examples() -> list[Example]:
    nlp = spacy.blank("en")
    return [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in TRAIN_DATA]


def pytest_report_header() -> str:
    return f"transformers: {transformers.__version__}"


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
