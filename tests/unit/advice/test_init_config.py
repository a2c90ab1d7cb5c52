"""Test the facts about data and encoders, and the config and report that are written for them."""

import json
from pathlib import Path

import pytest
import spacy
from checkpoints import make_config, make_tokenizer
from spacy.tokens import Doc, DocBin
from spacy.util import load_config
from support import ROOT, save_encoder
from transformers import BertModel

from spacy_bert_ner.advice import init_config
from spacy_bert_ner.advice.choices import Layers, Steps, Window
from spacy_bert_ner.advice.facts import DataFacts, EncoderFacts, data_facts, encoder_facts
from spacy_bert_ner.advice.init_config import make_plan, write_config
from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError, ConfigError, CorpusError
from spacy_bert_ner.inspection.subword_lengths import SubwordCounter

SENTENCES = [
    "Kevin/B-per Durant/I-per plays/O for/O the/O Nets/B-org",
    "the/O nets/O held/O talks/O in/O york/B-geo",
    "NOBODY/O CAME/O IN/O NEW/B-geo YORK/I-geo",
    "Nobody/O came/O",
]


def conll(path: Path, sentences: list[str] = SENTENCES, n: int = 1) -> Path:
    """Write sentences, given as word/TAG pairs, `n` times to a column file."""
    rows = ["\n".join(" ".join(pair.rsplit("/", 1)) for pair in sentence.split(" ")) for sentence in sentences * n]
    path.write_text("\n\n".join(rows) + "\n", encoding="utf8")
    return path


def docbin(path: Path, n: int) -> Path:
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, ["Kevin", "plays", "."], ents=["B-per", "O", "O"]) for _ in range(n)]
    path.parent.mkdir(exist_ok=True)
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    """Return an encoder with the size of MiniLM-L6, with random weights."""
    size = {"num_hidden_layers": 6, "hidden_size": 384, "max_position_embeddings": 512}
    return save_encoder(tmp_path_factory.mktemp("minilm"), **size)


@pytest.fixture(scope="module")
def cased(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cased")
    BertModel(make_config()).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(tokenizer))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}))
    return folder


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """Let the machine have 16 GB and no GPU."""
    monkeypatch.setattr(init_config, "installed_memory", lambda *, gpu: None if gpu else 16_000_000_000)


def facts_of(folder):
    return encoder_facts(Checkpoint.load_tokenizer_only(folder))


def test_the_facts_about_encoders(encoder, minilm, cased, tagger):
    assert facts_of(encoder)[:6] == (str(encoder), 2, 32, True, 64, ())
    assert facts_of(minilm)[:6] == (str(minilm), 6, 384, True, 512, ())
    assert facts_of(cased)[:6] == (str(cased), 2, 32, False, 64, ())
    assert facts_of(tagger)[:6] == (str(tagger), 2, 32, True, 64, ("geo", "per"))
    assert facts_of(tagger)[6:] == (2, (5_824, 8_544, 8_544, 165), True)


def test_the_facts_about_a_column_file(encoder, tmp_path):
    path = conll(tmp_path / "train.conll")
    assert data_facts(path, SubwordCounter(str(encoder))) == DataFacts(
        path, "conll", "sentences", 4, 0, 19, (("geo", 2), ("per", 1), ("org", 1)), 15, 15, 3, 1
    )


def test_the_facts_about_a_folder_of_spacy_files(encoder, tmp_path):
    docbin(tmp_path / "a" / "one.spacy", 3)
    docbin(tmp_path / "b" / "two.spacy", 4)
    facts = data_facts(tmp_path, SubwordCounter(str(encoder)))
    assert facts[1:7] == ("spacy", "texts", 7, 0, 21, (("per", 7),))


LITTLE = DataFacts(Path("t.conll"), "conll", "sentences", 100, 0, 2_000, (("per", 90),), 60, 80, 90, 88)
SAMPLE = DataFacts(Path("t.spacy"), "spacy", "texts", 800, 0, 18_000, (("per", 900),), 60, 80, 790, 790)
LONG = DataFacts(Path("t.json"), "doccano", "texts", 5_000, 0, 4_000_000, (("per", 900),), 1_400, 9_000, 5_000, 0)
MINILM = EncoderFacts("MiniLM", 6, 384, True, 512, (), 12, (11_900_000, *[1_770_000] * 6, 3_000), True)
BASE = EncoderFacts("base", 12, 768, False, 510, (), 12, (23_800_000, *[7_090_000] * 12, 7_000), True)


@pytest.mark.parametrize(
    ("train", "encoder", "expected"),
    [
        (SAMPLE, MINILM, (Layers(0.00025, 0.85, 1, "auto", True), (16, 1), Steps(500, 50, 250), None, True)),
        (LITTLE, BASE, (Layers(0.00005, 0.85, 1, "auto", False), (8, 1), Steps(200, 20, 100), None, False)),
        (
            LONG,
            BASE,
            (
                Layers(0.00005, 0.85, 1, "auto", False),
                (16, 8),
                Steps(1_760, 160, 800),
                Window(510, 127, "tokens"),
                False,
            ),
        ),
        (
            LONG._replace(usual_length=120),
            MINILM,
            (Layers(0.00025, 0.85, 1, "auto", True), (16, 1), Steps(1_760, 160, 800), None, False),
        ),
    ],
    ids=["sample", "little", "long", "upper case"],
)
def test_the_choices_fit_together(train, encoder, expected):
    layers, batch, steps, window, mark_case = expected
    plan = make_plan(train, SAMPLE, encoder, 16_000_000_000)
    assert (plan.batch.size, plan.batch.n_passes) == batch
    assert (plan.layers, plan.steps, plan.window, plan.mark_case) == (
        layers,
        steps,
        window or Window(None, 32, "sentences"),
        mark_case,
    )


@pytest.mark.parametrize(
    ("installed", "gpu", "expected"),
    [
        (
            16 * 10**9,
            False,
            "8 passes per step: a pass requires about 6.3 GB (estimated), {half} 16.0 GB of this machine.",
        ),
        (80 * 10**9, True, "2 passes per step: a pass requires about 21.0 GB (estimated), {half} 80.0 GB of this GPU."),
        (None, True, "8 passes per step: a pass requires about 6.3 GB (estimated), and the memory of the GPU {lost}."),
    ],
)
def test_the_steps_say_what_a_pass_needs(installed, gpu, expected):
    plan = make_plan(LONG, SAMPLE, BASE, installed)
    (line,) = (line for line in init_config.report(plan, Path("c.cfg"), gpu=gpu) if line.startswith("Steps: "))
    expected = expected.format(half="and may take half of the", lost="is unknown")
    assert line.partition(" Memory in ")[2] == expected


def test_activations_are_recomputed_where_a_single_text_needs_too_much(minilm, tmp_path, monkeypatch):
    monkeypatch.setattr(init_config, "installed_memory", lambda *, gpu: 10**8)
    data = docbin(tmp_path / "train.spacy", 10)
    lines = write_config(tmp_path / "c.cfg", data, data, str(minilm))
    assert len(lines) == 10
    reason = "# Recomputed: otherwise, a single text requires more than half of the memory."
    assert f"{reason}\ngradient_checkpointing = true\n" in (tmp_path / "c.cfg").read_text()


def test_the_config_for_the_sample_and_minilm_is_the_recipe(minilm, tmp_path):
    train, dev = docbin(tmp_path / "train.spacy", 800), docbin(tmp_path / "dev.spacy", 10)
    write_config(tmp_path / "c.cfg", train, dev, str(minilm), gpu=True)
    config, recipe = (
        load_config(path, interpolate=False) for path in (tmp_path / "c.cfg", ROOT / "configs" / "bert_ner.cfg")
    )
    recipe["paths"] |= {"train": str(train), "dev": str(dev)}
    recipe["components"]["bert_ner"]["model"]["name"] = str(minilm)
    recipe["training"]["optimizer"]["learn_rate"]["initial_rate"] = 0.00025  # what "auto" stands for
    assert config == recipe


def test_the_config_says_what_was_chosen_and_why(encoder, tmp_path):
    train, dev = conll(tmp_path / "train.conll", n=50), conll(tmp_path / "dev.conll")
    lines = write_config(tmp_path / "c.cfg", train, dev, str(encoder), lang="de", label_map={"geo": "loc"})
    assert lines == [
        "Training data: 200 sentences, 950 tokens, 200 entities (loc 100, per 50, org 50), format conll.",
        "Dev data: 4 sentences, 19 tokens, 4 entities (loc 2, per 1, org 1), format conll.",
        f"Encoder: {encoder} has 2 layers, width 32, at most 64 subwords per window, a tokenizer that lowercases "
        "text, and no tag head.",
        "Learning rate: 0.001. Usual for this width in the literature, but not measured for this size (2 layers of "
        "width 32).",
        "Layers: Frozen: 0, because no other number was measured for this size. Reinitialised: 0, because no other "
        "number was measured for this size.",
        "Steps: 200, evaluated every 20. 16.0 epochs of 200 sentences in batches of 16. Memory: a pass requires about "
        "0.1 GB (estimated), and may take half of the 16.0 GB of this machine.",
        "Windows: 99% of the sentences have at most 15 subwords (longest: 15), so the default is sufficient (null: at "
        "most 128).",
        "Case: Capital letters are not marked, because only 50 of 150 sentences mix upper and lower case.",
        f"Written: {tmp_path / 'c.cfg'}",
        f"Next: python -m spacy bert-ner train {tmp_path / 'c.cfg'} --output training",
    ]
    config = load_config(tmp_path / "c.cfg", interpolate=False)
    assert config["nlp"]["lang"] == "de"
    assert config["system"]["gpu_allocator"] is None
    assert config["corpora"]["train"]["@readers"] == "spacy_bert_ner.Corpus.v1"
    assert config["corpora"]["dev"]["label_map"] == {"geo": "loc"}
    assert config["corpora"]["dev"]["path"] == "${paths.dev}"
    text = (tmp_path / "c.cfg").read_text()
    for reason in (
        "# 200 sentences, 950 tokens, 200 entities (loc 100, per 50, org 50), format conll.\ntrain = ",
        '# For a CPU. For a GPU: "pytorch".\ngpu_allocator = null\n',
        "# Frozen: 0, because no other number was measured for this size.\nfrozen_layers = 0\n",
        "# 16.0 epochs of 200 sentences in batches of 16.\nmax_steps = 200\n",
        "# Usual for this width in the literature, but not measured for this size (2 layers of width 32).\n"
        "initial_rate = ",
    ):
        assert reason in text


def test_a_fine_tuned_checkpoint_is_named(tagger, tmp_path):
    data = conll(tmp_path / "data.conll")
    lines = write_config(tmp_path / "c.cfg", data, data, str(tagger), gpu=True)
    assert lines[2].endswith("a tokenizer that lowercases text, and a head fine-tuned for geo, per.")
    assert lines[-1].endswith("--output training --gpu-id 0")


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (["Nobody/O came/O"], "contains no entities (format conll, "),
        ([], "contains no annotated sentences. Pass annotated text in one of these formats: "),
    ],
)
@pytest.mark.parametrize("part", ["train", "dev"])
def test_data_without_entities_is_refused(encoder, tmp_path, part, sentences, message):
    paths = {name: conll(tmp_path / f"{name}.conll") for name in ("train", "dev")}
    paths[part] = conll(tmp_path / "none.conll", sentences)
    with pytest.raises(CorpusError) as caught:
        write_config(tmp_path / "c.cfg", paths["train"], paths["dev"], str(encoder))
    assert str(caught.value).startswith(f"{tmp_path / 'none.conll'} {message}")
    assert not (tmp_path / "c.cfg").exists()


def test_an_existing_file_is_kept_without_force(encoder, tmp_path):
    data, path = conll(tmp_path / "data.conll"), tmp_path / "c.cfg"
    path.write_text("mine")
    with pytest.raises(ConfigError) as caught:
        write_config(path, data, data, str(encoder))
    assert str(caught.value) == (
        f"{path} already exists. Nothing was overwritten. Specify another file, or overwrite this one: --force"
    )
    assert path.read_text() == "mine"
    write_config(path, data, data, str(encoder), force=True)
    assert path.read_text().startswith("# Written by python -m spacy bert-ner init config.")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.cfg", "data.conll"]


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError) as caught:
        write_config(tmp_path / "no" / "c.cfg", Path("none"), Path("none"), "none")
    assert str(caught.value) == (
        f"{tmp_path}/no/c.cfg cannot be written, because the folder {tmp_path}/no does not exist. Create it (mkdir "
        f"-p {tmp_path}/no), or specify another file."
    )
    with pytest.raises(ConfigError, match=r"is a folder\. Specify a file for the config, such as .*config\.cfg$"):
        write_config(tmp_path, Path("none"), Path("none"), "none", force=True)


def test_other_bad_input_is_refused(encoder, tmp_path):
    data, path = conll(tmp_path / "data.conll"), tmp_path / "c.cfg"
    with pytest.raises(CorpusError, match=r"none\.conll does not exist\. Check the spelling"):
        write_config(path, tmp_path / "none.conll", data, str(encoder))
    with pytest.raises(CheckpointError, match="The checkpoint 'no/encoder' is not a local folder"):
        write_config(path, data, data, "no/encoder")
    with pytest.raises(CorpusError, match="--lang zz cannot be used"):
        write_config(path, data, data, str(encoder), lang="zz")
    with pytest.raises(ConfigError, match=r"^\$\{x\} contains \$\{, which marks a reference to another setting"):
        write_config(path, Path("${x}"), data, str(encoder))
    assert not path.exists()
