"""Tiny checkpoints with random weights, built here: no test needs the Hub or a network."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
# Threads of torch that wait for work leave the cores to the other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import ray_session
import spacy
import support
import torch
import transformers
from checkpoints import LazyCheckpoints, make_config, make_tokenizer
from hypothesis import settings
from spacy.lang.en import English
from spacy.language import Language
from spacy.training import Example
from support import TRAIN_DATA, initialized, save_encoder, sketch
from transformers import BertForTokenClassification
from xdist.scheduler import LoadFileScheduling

from spacy_bert_ner.reporting import charts as plotting

# No example has a time limit: the machine may be busy with something else. `--hypothesis-profile nightly` searches
# deeper than each run of `make test` can.
settings.register_profile("dev", deadline=None, max_examples=20)
settings.register_profile("nightly", deadline=None, max_examples=1000)
settings.load_profile("dev")

# Tiny models gain nothing from threads, which cost much where other processes want the cores too.
torch.set_num_threads(1)

KINDS = (
    *("ray", "docs", "browser", "charts", "training", "onnx", "process", "fuzz", "parity", "faults"),
    *("corpora", "benchmark"),
)
"""Marks of kinds of tests, from those that take longest to finish."""

RAY_FILES = ("test_annotate_on_ray.py", "test_serving.py", "test_distributed_training.py")

# The tests of what goes with an extra that transformers 5 shuts out; `nox` runs them with transformers 4.
collect_ignore = [] if find_spec("spacy_transformers") else ["integration/test_shared_transformer.py"]
if not find_spec("spacy_curated_transformers"):
    collect_ignore.append("integration/test_shared_curated.py")


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected: where Python is as deep in calls as it may go, what other tests left cannot be put away
    without an error, which pytest would count as one of this test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


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


@pytest.fixture
def nlp(make_nlp: Callable[..., Language], examples: list[Example]) -> Language:
    """A pipeline with `bert_ner`, initialized with the examples."""
    return initialized(make_nlp, examples)


@pytest.fixture
def examples() -> list[Example]:
    nlp = spacy.blank("en")
    return [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in TRAIN_DATA]


@pytest.fixture
def sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports be made of sketches, for tests of all that is no chart."""
    monkeypatch.setattr("spacy_bert_ner.evaluation.html_report.to_svg", sketch)
    monkeypatch.setattr(plotting, "to_png", lambda chart, folder: (folder / f"{chart.name}.png").touch())


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Give each worker whole files, so that fixtures are made once. One worker has all files that use Ray."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "ray" if file.endswith(RAY_FILES) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return Scheduling(config, log)


def kind_of(keywords: Iterable[str]) -> str:
    """What a test is, by the first of its marks; "in process" for one without."""
    return next((kind for kind in KINDS if kind in keywords), "in process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left with one of them at the end."""
    order = [*KINDS, "in process"]
    ranks: dict[str, int] = {}
    for item in items:
        file = item.nodeid.split("::", 1)[0]
        marks = {mark.name for mark in item.iter_markers()}
        ranks[file] = min(ranks.get(file, len(order)), order.index(kind_of(marks)))
    items.sort(key=lambda item: ranks[item.nodeid.split("::", 1)[0]])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many seconds each kind of test took, over all workers."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[kind_of(report.keywords)] += report.duration
    listed = ", ".join(f"{kind} {seconds[kind]:.0f}" for kind in ("in process", *KINDS) if seconds[kind] >= 0.5)
    terminalreporter.write_line(f"seconds by kind: {listed}")


def pytest_collection_finish() -> None:
    """Exempt what is imported from garbage collection, as each full collection would walk all of it."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    return f"transformers: {transformers.__version__}"


@pytest.fixture
def shared_ray() -> SimpleNamespace:
    """The Ray of `ray_session`: its `address`, and its port of `metrics`."""
    return ray_session.running()


@pytest.hookimpl(trylast=True)  # after fixtures that use it have ended
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End Ray after the last test that may use it, as its idle processes would take time from the others."""
    if nextitem is None or nextitem.get_closest_marker("ray") is None:
        ray_session.stop()


@pytest.fixture
def silent_on_small_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message about dev data with few entities, which most tests have."""
    monkeypatch.setattr("spacy_bert_ner.corpus.dev_set_size.ENOUGH_ENTITIES", 0)


@pytest.fixture(scope="module")
def few_exceptions(request: pytest.FixtureRequest) -> Iterator[None]:
    """English with only those exceptions of its tokenizer that the test module, or this one, mentions.

    Loading all 1,347 into each new pipeline takes longer than all else that most tests do.
    """
    texts = "".join(path.read_text().replace("\\", "") for path in (request.path, Path(support.__file__)))
    kept = {word: rule for word, rule in English.Defaults.tokenizer_exceptions.items() if word in texts}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(English.Defaults, "tokenizer_exceptions", kept)
        yield


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
