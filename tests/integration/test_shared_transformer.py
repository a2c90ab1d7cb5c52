"""Test the head on vectors from spacy-transformers, with the recipe `configs/shared_transformer.cfg`."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.cli import app
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from support import ROOT, found, gold
from typer.testing import CliRunner

from spacy_bert_ner.errors import BertNerError, ConfigError
from spacy_bert_ner.models.token_classifier import get_checkpoint
from spacy_bert_ner.tokenization import doc_windows

RECIPE = ROOT / "configs" / "shared_transformer.cfg"
LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
}
TEXTCAT = {
    "factory": "textcat",
    "model": {
        "@architectures": "spacy.TextCatEnsemble.v2",
        "tok2vec": LISTENER,
        "linear_model": {
            "@architectures": "spacy.TextCatBOW.v3",
            "exclusive_classes": True,
            "ngram_size": 1,
            "no_output_layer": False,
        },
    },
}
STRIDED = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 12, "stride": 9}
SENTENCES = {"@span_getters": "spacy-transformers.sent_spans.v1"}


def annotated(examples: list[Example]) -> list[Example]:
    """Add tags and categories to the examples."""
    for example in examples:
        reference = example.reference
        reference.cats = {"named": float(bool(reference.ents)), "nobody": float(not reference.ents)}
        for token in reference:
            token.tag_ = "upper" if token.text[0].isupper() else "lower"
            token.is_sent_start = token.i == 0
    return examples


def recipe(encoder: Path, get_spans: dict[str, object] = STRIDED, **components: object) -> dict[str, Any]:
    config = load_config(RECIPE)
    config["components"]["transformer"]["model"].update(name=str(encoder), get_spans=get_spans)
    config["components"].update(components)
    config["nlp"]["pipeline"].extend(components)
    return config


def make(examples: list[Example], encoder: Path, **changes: Any) -> Language:
    nlp: Language = load_model_from_config(recipe(encoder, **changes), auto_fill=True)
    nlp.initialize(lambda: examples)
    return nlp


@pytest.fixture
def nlp(encoder: Path, examples: list[Example]) -> Language:
    return make(annotated(examples), encoder)


def learn(nlp: Language, examples: list[Example], n: int = 40, **options: Any) -> dict[str, float]:
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.003
    losses: dict[str, float] = {}
    for _ in range(n):
        losses = nlp.update(examples, sgd=optimizer, losses={}, **options)
    return losses


def weights(nlp: Language) -> list[np.ndarray]:
    return [param.detach().numpy().copy() for param in nlp.get_pipe("transformer").model.transformer.parameters()]


def count_passes(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the size of each batch for the encoder will be added."""
    passes: list[int] = []
    encoder = nlp.get_pipe("transformer").model.transformer
    encoder.register_forward_pre_hook(lambda _, args, kwargs: passes.append(len(kwargs["input_ids"])), with_kwargs=True)
    return passes


def test_the_recipe_trains_tagger_and_entities_together(tmp_path: Path, encoder: Path, examples: list[Example]) -> None:
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in annotated(examples)] * 5).to_disk(corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and spaCy warn about the small amount of training data
        train(
            RECIPE,
            tmp_path / "training",
            overrides={
                "paths.train": str(corpus),
                "paths.dev": str(corpus),
                "components.transformer.model.name": str(encoder),
                "components.transformer.model.get_spans.window": 12,
                "components.transformer.model.get_spans.stride": 9,
                "training.max_epochs": 80,
                "training.eval_frequency": 20,
                "training.optimizer.learn_rate.initial_rate": 0.003,
            },
        )
    nlp = spacy.load(tmp_path / "training" / "model-best")
    assert nlp.pipe_names == ["transformer", "tagger", "bert_ner"]
    assert found(nlp, examples) == gold(examples)
    assert [token.tag_ for token in nlp("Kevin plays")] == ["upper", "lower"]
    assert nlp.meta["performance"]["ents_f"] == 1.0


@pytest.mark.parametrize("command", [["config"], ["model", "tagger"], ["data"]], ids=lambda command: command[0])
def test_spacys_debug_commands_take_the_recipe(
    command: list[str], tmp_path: Path, encoder: Path, examples: list[Example]
) -> None:
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in annotated(examples)]).to_disk(corpus)
    own = {"paths.train": corpus, "paths.dev": corpus, "components.transformer.model.name": encoder}
    overrides = [part for key, value in own.items() for part in (f"--{key}", str(value))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, ["debug", command[0], str(RECIPE), *command[1:], *overrides])
    # `debug model` predicts before `transformer` has seen a text, which `bert_ner` rejects.
    told = {"config": "Config is valid", "model": "model looks good", "data": "Corpus is loadable"}
    assert told[command[0]] in done.output
    assert "validation error" not in done.output


def test_fill_config_finds_nothing_to_fill_in_the_recipe(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", "fill-config", str(RECIPE), str(tmp_path / "filled.cfg")])
    assert done.exit_code == 0, done.output
    assert load_config(tmp_path / "filled.cfg") == load_config(RECIPE)


def test_the_schedule_of_the_recipe_ends_with_its_epochs(nlp: Language, examples: list[Example]) -> None:
    """Test a number of epochs that takes more than 1,000 steps, which the recipe once had as its limit."""
    nlp.config["training"] |= load_config(RECIPE)["training"] | {"max_epochs": 60, "eval_frequency": 10}
    nlp.initialize(lambda: annotated(examples))
    optimizer = nlp.create_optimizer()
    rates = []
    for _ in range(60):
        nlp.update(annotated(examples), sgd=optimizer)
        rates.append(float(optimizer.learn_rate))
        optimizer.step_schedules()
    assert rates[1] == pytest.approx(0.000001)
    assert rates[50:52] == pytest.approx([0.00005, 0.000045])
    assert rates[59] == pytest.approx(0.000005)


def test_all_components_use_one_pass(nlp: Language, examples: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(nlp, monkeypatch)
    nlp(examples[0].text)
    assert passes == [1]
    nlp.update(examples)
    assert passes == [1, 4]


def test_a_text_classifier_learns_beside_it(encoder: Path, examples: list[Example]) -> None:
    nlp = make(annotated(examples), encoder, textcat=TEXTCAT)
    losses = learn(nlp, examples)
    assert found(nlp, examples) == gold(examples)
    assert [max(doc.cats, key=doc.cats.get) for doc in nlp.pipe(eg.text for eg in examples)] == [
        "named",
        "named",
        "named",
        "nobody",
    ]
    assert set(losses) == {"transformer", "tagger", "bert_ner", "textcat"}


def test_gradients_of_both_reach_the_encoder(nlp: Language, examples: list[Example]) -> None:
    for names in (["tagger"], ["bert_ner"]):
        before = weights(nlp)
        learn(nlp, examples, 3, exclude=names)
        assert any(not np.array_equal(old, new) for old, new in zip(before, weights(nlp), strict=True)), names


def test_with_a_factor_of_nought_the_encoder_is_left_alone(encoder: Path, examples: list[Example]) -> None:
    shared = {
        "factory": "bert_ner",
        "model": {
            "@architectures": "spacy_bert_ner.SharedTokenClassifier.v1",
            "tok2vec": {**LISTENER, "grad_factor": 0.0},
        },
    }
    config = recipe(encoder)
    config["nlp"]["pipeline"] = ["transformer", "bert_ner"]
    del config["components"]["tagger"]
    config["components"]["bert_ner"] = shared
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: examples)
    before = weights(nlp)
    head = get_checkpoint(nlp.get_pipe("bert_ner").model).model.classifier.weight
    own = head.detach().clone()
    optimizer = nlp.create_optimizer()
    optimizer.L2, optimizer.learn_rate = 0.0, 0.01
    nlp.update(examples, sgd=optimizer)
    assert all(np.array_equal(old, new) for old, new in zip(before, weights(nlp), strict=True))
    assert not np.array_equal(own, head.detach())


def test_a_frozen_encoder_annotates(nlp: Language, examples: list[Example]) -> None:
    before = weights(nlp)
    losses = learn(nlp, examples, 80, exclude=["transformer"], annotates=["transformer"])
    assert all(np.array_equal(old, new) for old, new in zip(before, weights(nlp), strict=True))
    assert losses["bert_ner"] < 1.0


@pytest.mark.parametrize("way", ["disk", "bytes"])
def test_it_is_saved_and_read(nlp: Language, examples: list[Example], tmp_path: Path, way: str) -> None:
    learn(nlp, examples)
    if way == "disk":
        nlp.to_disk(tmp_path)
        again = spacy.load(tmp_path)
    else:
        again = load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert found(again, examples) == gold(examples)


def test_the_listener_is_replaced_by_a_copy_of_the_encoder(
    nlp: Language, examples: list[Example], tmp_path: Path
) -> None:
    learn(nlp, examples)
    nlp.replace_listeners("transformer", "bert_ner", ["model.tok2vec"])
    nlp.remove_pipe("tagger")
    nlp.remove_pipe("transformer")
    assert found(nlp, examples) == gold(examples)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.pipe_names == ["bert_ner"]
    assert found(again, examples) == gold(examples)
    assert learn(again, examples, 2)["bert_ner"] < 1.0


def test_a_component_is_taken_from_another_pipeline(nlp: Language, examples: list[Example]) -> None:
    learn(nlp, examples)
    other = spacy.blank("en")
    other.add_pipe("transformer", source=nlp)
    other.add_pipe("bert_ner", source=nlp)
    assert found(other, examples) == gold(examples)


def test_without_the_transformer_it_says_so(nlp: Language) -> None:
    with (
        nlp.select_pipes(enable="bert_ner"),
        pytest.raises(BertNerError, match="not processed the text 'Kevin plays'"),
    ):
        nlp("Kevin plays")


def test_documents_without_text_and_longer_than_a_window(nlp: Language, examples: list[Example]) -> None:
    learn(nlp, examples)
    texts = ["", " ", "\n\n", examples[0].text + " " + "Nobody came. " * 30 + examples[0].text]
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert [ent.text for ent in docs[3].ents][:2] == ["Kevin Durant", "Brooklyn Nets"]
    alone = [[(ent.text, ent.label_) for ent in nlp(text).ents] for text in texts]
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == alone


def test_sentences_are_the_windows_of_the_transformer(encoder: Path, examples: list[Example]) -> None:
    config = recipe(encoder, SENTENCES)
    config["nlp"]["pipeline"].insert(0, "sentencizer")
    config["components"]["sentencizer"] = {"factory": "sentencizer"}
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: annotated(examples))
    learn(nlp, examples, annotates=["sentencizer"])
    doc = nlp(f"{examples[0].text} {examples[3].text}")
    assert len(doc._.trf_data.wordpieces) == 2
    assert [(ent.text, ent.label_) for ent in doc.ents] == gold(examples)[0]


@pytest.mark.process
def test_it_is_packaged(nlp: Language, examples: list[Example], tmp_path: Path) -> None:
    learn(nlp, examples)
    nlp.meta["name"] = "shared"
    nlp.to_disk(tmp_path / "pipeline")

    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "packages").mkdir()
    run("-m", "spacy", "package", str(tmp_path / "pipeline"), str(tmp_path / "packages"), "--build", "none")
    package = tmp_path / "packages" / "en_shared-0.0.0"
    requirements = spacy.util.load_meta(package / "meta.json")["requirements"]
    assert {name.partition(">")[0] for name in requirements} >= {"spacy-bert-ner", "spacy-transformers"}
    folder = package / "en_shared" / "en_shared-0.0.0"
    code = "import spacy, sys\nprint([ent.text for ent in spacy.load(sys.argv[1])(sys.argv[2]).ents])"
    assert run("-c", code, str(folder), examples[0].text).strip() == "['Kevin Durant', 'Brooklyn Nets']"


# Span getters instead of windows


@pytest.mark.parametrize(
    ("get_spans", "expected"),
    [
        ({"name": "spacy-transformers.strided_spans.v1", "settings": {"window": 6, "stride": 4}}, [[17, 16, 5], [13]]),
        ({"name": "spacy-transformers.doc_spans.v1"}, [[30], [13]]),
        ({"name": "spacy-transformers.sent_spans.v1"}, [[17, 15], [13]]),
    ],
)
def test_its_span_getters_are_our_windows(
    make_nlp: Callable[..., Language],
    tagger: Path,
    monkeypatch: pytest.MonkeyPatch,
    get_spans: dict[str, object],
    expected: list[list[int]],
) -> None:
    nlp = make_nlp(name=tagger, get_spans={"@misc": "spacy_bert_ner.SpanGetter.v1", **get_spans})
    nlp.add_pipe("sentencizer", first=True)
    seen: list[list[int]] = []
    given = doc_windows.windows_from_spans

    def cover(*arguments: Any) -> Any:
        windows = given(*arguments)
        seen.append([w.end - w.start + 2 for w in windows])
        return windows

    monkeypatch.setattr(doc_windows, "windows_from_spans", cover)
    list(nlp.pipe(["Nobody came to New York. Nobody left New York.", "Nobody came."]))
    assert seen == expected


def test_an_unknown_getter_is_named() -> None:
    with pytest.raises(ConfigError, match=r"name = 'spans' is invalid. Allowed: .*strided_spans.v1"):
        doc_windows.make_span_getter_v1("spans")


def test_docs_may_come_without_words(nlp: Language) -> None:
    doc = Doc(nlp.vocab, words=[])
    assert len(nlp.get_pipe("bert_ner")(nlp.get_pipe("transformer")(doc)).ents) == 0
