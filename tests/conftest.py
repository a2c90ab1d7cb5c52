"""Provide tiny checkpoints with random weights. They are built locally, so no test needs the Hub or a network."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import coverage
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
# Let idle torch threads release their cores to other processes.
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

# Set no deadline for examples because other processes can slow down the machine. `--hypothesis-profile nightly` runs
# more examples than `make test` can.
settings.register_profile("dev", deadline=None, max_examples=20)
settings.register_profile("nightly", deadline=None, max_examples=1000)
settings.load_profile("dev")

# Tiny models gain nothing from threads, and threads are expensive if other processes use the same cores.
torch.set_num_threads(1)

KINDS = (
    *("ray", "docs", "browser", "charts", "training", "onnx", "process", "fuzz", "parity", "faults"),
    *("corpora", "benchmark"),
)
"""Marks for test kinds. The kinds that take longest to finish come first."""

RAY_FILES = ("test_annotate_on_ray.py", "test_serving.py", "test_distributed_training.py")

# Ignore tests for extras that require transformers 4 if they are not installed. `nox` runs these tests with
# transformers 4.
collect_ignore = [] if find_spec("spacy_transformers") else ["integration/test_shared_transformer.py"]
if not find_spec("spacy_curated_transformers"):
    collect_ignore.append("integration/test_shared_curated.py")


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Disable garbage collection during a test.

    If a test reaches Python's recursion limit, collecting objects from earlier tests can raise an error. pytest would
    attribute this error to the current test.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a BERT encoder without a tag head. It has 64 positions, so windows are short."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def encoder_512(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a BERT encoder without a tag head. It has 512 positions, as the default config requires."""
    return save_encoder(tmp_path_factory.mktemp("encoder_512"), max_position_embeddings=512)


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a BERT token classifier with random weights, saved by plain transformers. Its tags are not sorted."""
    folder = tmp_path_factory.mktemp("tagger")
    torch.manual_seed(0)
    id2label = dict(enumerate(["B-per", "O", "I-geo", "I-per", "B-geo"]))
    config = make_config(id2label=id2label, label2id={tag: i for i, tag in id2label.items()}, initializer_range=0.5)
    BertForTokenClassification(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> LazyCheckpoints:
    """Return a mapping from architecture names to token classifier folders. See `checkpoints.ARCHITECTURES`."""
    return LazyCheckpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def make_nlp(encoder: Path) -> Callable[..., Language]:
    """Return a function that creates a blank, uninitialized pipeline with `bert_ner` and the tiny encoder."""

    def make(*, name: Path = encoder, config: dict[str, object] | None = None, **model: object) -> Language:
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config={"model": {"name": str(name), "overlap": 8, **model}, **(config or {})})
        return nlp

    return make


@pytest.fixture
def nlp(make_nlp: Callable[..., Language], examples: list[Example]) -> Language:
    """Return a pipeline with `bert_ner`, initialized with the examples."""
    return initialized(make_nlp, examples)


@pytest.fixture
def examples() -> list[Example]:
    nlp = spacy.blank("en")
    return [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in TRAIN_DATA]


@pytest.fixture
def sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace chart rendering in reports with placeholders, for tests that do not check charts."""
    monkeypatch.setattr("spacy_bert_ner.evaluation.html_report.to_svg", sketch)
    monkeypatch.setattr(plotting, "to_png", lambda chart, folder: (folder / f"{chart.name}.png").touch())


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A scheduler that assigns whole files to workers, so that fixtures are created once.

    All files that use Ray are assigned to the same worker.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "ray" if file.endswith(RAY_FILES) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return Scheduling(config, log)


def kind_of(keywords: Iterable[str]) -> str:
    """Return the kind of a test according to its marks, or "in process" if it has none."""
    return next((kind for kind in KINDS if kind in keywords), "in process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first, so that no worker is still running one of them at the end."""
    order = [*KINDS, "in process"]
    ranks: dict[str, int] = {}
    for item in items:
        file = item.nodeid.split("::", 1)[0]
        marks = {mark.name for mark in item.iter_markers()}
        ranks[file] = min(ranks.get(file, len(order)), order.index(kind_of(marks)))
    items.sort(key=lambda item: ranks[item.nodeid.split("::", 1)[0]])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the total time of each test kind over all workers, in seconds."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[kind_of(report.keywords)] += report.duration
    listed = ", ".join(f"{kind} {seconds[kind]:.0f}" for kind in ("in process", *KINDS) if seconds[kind] >= 0.5)
    terminalreporter.write_line(f"seconds by kind: {listed}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Save the coverage data now, because xdist kills workers that take over ten seconds to exit."""
    if measurement := coverage.Coverage.current():
        measurement.save()


def pytest_collection_finish() -> None:
    """Exempt all imported objects from garbage collection. Otherwise, each full collection would traverse them."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    return f"transformers: {transformers.__version__}"


@pytest.fixture
def shared_ray() -> SimpleNamespace:
    """Return the shared Ray instance from `ray_session`, with its `address` and its `metrics` port."""
    return ray_session.running()


@pytest.hookimpl(trylast=True)  # run after the teardown of fixtures that use Ray
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop Ray after the last test that can use it. Its idle processes would slow down other tests."""
    if nextitem is None or nextitem.get_closest_marker("ray") is None:
        ray_session.stop()


@pytest.fixture
def silent_on_small_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the warning about dev data with few entities, which most tests would cause."""
    monkeypatch.setattr("spacy_bert_ner.corpus.dev_set_size.ENOUGH_ENTITIES", 0)


@pytest.fixture(scope="module")
def few_exceptions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep only those English tokenizer exceptions that occur in the test module or in `support.py`.

    Loading all 1,347 exceptions into each new pipeline takes longer than everything else in most tests.
    """
    texts = "".join(path.read_text().replace("\\", "") for path in (request.path, Path(support.__file__)))
    kept = {word: rule for word, rule in English.Defaults.tokenizer_exceptions.items() if word in texts}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(English.Defaults, "tokenizer_exceptions", kept)
        yield


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
