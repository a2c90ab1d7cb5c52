import json
import sys
from pathlib import Path

import pytest
import spacy
import torch
from benchmark_scripts import load
from checkpoints import make_config, make_tokenizer
from spacy.tokens import Doc
from transformers import BertForTokenClassification

pytestmark = pytest.mark.benchmark

inference, ways = load("inference"), load("inference_ways")
VOCAB = spacy.blank("en").vocab
TEXTS = ["Kevin Durant plays for the Brooklyn Nets.", "Nobody came.", "New York"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint with the 512 positions that the benchmark's windows need."""
    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    tags = dict(enumerate(["B-per", "O", "I-geo", "I-per", "B-geo"]))
    config = make_config(id2label=tags, label2id={v: k for k, v in tags.items()}, initializer_range=0.5)
    config.max_position_embeddings = 512
    BertForTokenClassification(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def sentences(n: int) -> list[Doc]:
    return [Doc(VOCAB, words=f"Sentence {i} .".split()) for i in range(n)]


def test_long_documents_are_neighbouring_sentences() -> None:
    """Test that neighbouring sentences are joined until they have at least 7 words, and that the rest is dropped."""
    assert inference.join(sentences(7), 7) == [
        "Sentence 0 . Sentence 1 . Sentence 2 .",
        "Sentence 3 . Sentence 4 . Sentence 5 .",
    ]


def test_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "N_SENTENCES", 6)
    monkeypatch.setattr(inference, "LONG_WORDS", 9)
    monkeypatch.setattr(inference, "EVERY", 2)
    short, long, mixed = inference.make_workloads(sentences(10)).values()
    assert (len(short.texts), short.n_words) == (6, 18)
    assert (len(long.texts), long.n_words) == (2, 18)
    assert mixed.texts == [*short.texts[:2], long.texts[0], *short.texts[2:4], long.texts[1]]
    assert mixed.n_words == 30


def test_f1_of_characters() -> None:
    """Test F1 over character offsets: "Bob" is correct, "Rome" has the wrong label and "Ann" is missed."""
    doc = Doc(VOCAB, words=["Ann", "met", "Bob", "in", "Rome"], ents=["B-per", "O", "B-per", "O", "B-geo"])
    assert inference.f1([[[8, 11, "per"], [15, 19, "org"]]], [doc]) == pytest.approx(2 / 5)


def made_up_round(adapter: float, eight: float, many: float, own: float, rate: float) -> dict[str, object]:
    seconds = {
        "spacy-huggingface-pipelines": adapter,
        "transformers pipeline, 8": eight,
        "transformers pipeline, 32": many,
        "bert_ner": own,
    }
    latency = {way: value / 100 for way, value in seconds.items()}
    memory = dict.fromkeys(seconds, 900.0)
    return {
        "rates": {"matrix products, fp32": rate},
        "seconds": {"short": seconds},
        "latency": latency,
        "peak_mb": memory,
    }


def test_ratios_are_taken_within_a_round(capsys: pytest.CaptureFixture[str]) -> None:
    """Test three rounds: the second is twice as slow for all ways, and the third is slower only for `bert_ner`."""
    rounds = [made_up_round(8, 4, 5, 2, 1000), made_up_round(16, 8, 10, 4, 500), made_up_round(8, 4, 5, 6, 1000)]
    workloads = {"short": inference.Workload(["a", "b"], 100)}
    rows = inference.summarize(rounds, workloads, {"short": 1600}, {"bert_ner": 0.5})
    own = rows[-1]
    assert own["way"] == "bert_ner"
    assert own["words"] == {"median": 25, "min": pytest.approx(100 / 6), "max": 50}
    assert own["ratios"]["spacy-huggingface-pipelines"] == {"median": 4, "min": pytest.approx(8 / 6), "max": 4}
    assert own["shares"]["matrix products, fp32"] == {"median": 0.8, "min": pytest.approx(0.8 / 3), "max": 0.8}
    assert own["latency_ratios"]["spacy-huggingface-pipelines"]["median"] == 0.25
    assert "bert_ner" not in own["ratios"]
    assert inference.best_pipeline(rows, "short") == "transformers pipeline, 8"
    inference.print_report(rows)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "bert_ner 25 (17-50) 4.00 (1.33-4.00) 2.00 (0.67-2.00) 0.80 40.0 0.5000 900" in lines


def test_every_way_reads_the_same_texts(checkpoint: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(checkpoint)}})
    expected = [[(e.start_char, e.end_char, e.label_) for e in nlp(text).ents] for text in TEXTS]
    own = ways.make_way("bert_ner", str(checkpoint))
    assert own.read(TEXTS) == expected
    assert own.read_one(TEXTS[0]) == expected[:1]
    for name in ("transformers pipeline, 2", "hand-written loop, fp32", "hand-written loop, bf16", "bert_ner, bf16"):
        assert len(ways.make_way(name, str(checkpoint)).read(TEXTS)) == 3


def test_a_way_names_precision_and_batch(checkpoint: Path) -> None:
    settings = ways.make_way("bert_ner, bf16, 256", str(checkpoint)).nlp.get_pipe("bert_ner").model.attrs
    assert (settings["runtime"].precision, settings["max_batch_tokens"]) == ("bf16", 256)


def test_exported_ways_run_a_graph(checkpoint: Path, tmp_path: Path) -> None:
    exact = ways.make_way("bert_ner", str(checkpoint))
    assert inference.open_for("bert_ner", checkpoint, tmp_path) == checkpoint
    folder = inference.open_for("bert_ner, onnx", checkpoint, tmp_path)
    assert (folder / "model.onnx").is_file()
    assert ways.make_way("bert_ner, onnx", str(folder)).read(TEXTS) == exact.read(TEXTS)


def test_the_chart(tmp_path: Path) -> None:
    words = {"median": 20.0, "min": 10.0, "max": 30.0}
    rows = [
        {"workload": name, "way": way, "words": words}
        for name in ("short", "long")
        for way in ("spacy-huggingface-pipelines", "bert_ner")
    ]
    inference.draw(rows, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_loop_reads_all_of_a_long_text(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that the windows cover all 300 subwords. They hold up to 126 and start every 94, so the third has 112."""
    loop = ways.make_way("hand-written loop, fp32", str(checkpoint))
    lengths: list[list[int]] = []
    batches = loop._batches

    def seen(windows: list[list[int]]) -> object:
        for batch in batches(windows):
            lengths.append([len(window) for window in batch])
            yield batch

    monkeypatch.setattr(loop, "_batches", seen)
    loop.read(["the " * 300, "the"])
    assert [n for batch in lengths for n in batch] == [128, 128, 114, 3]


def test_operations_of_the_encoder(checkpoint: Path) -> None:
    """Test the number of operations for two subwords and two special subwords.

    Each layer has four square matrices, two feed-forward matrices, and two products over all pairs of subwords.
    """
    config = json.loads((checkpoint / "config.json").read_text())
    h, wide, n_layers = (config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    expected = n_layers * (2 * 4 * (4 * h * h + 2 * h * wide) + 4 * 4 * 4 * h)
    assert ways.count_operations(str(checkpoint), ["New York"]) == expected
    assert ways.count_operations(str(checkpoint), ["New York", "New York"]) == 2 * expected


def test_the_rate_of_products(checkpoint: Path) -> None:
    products = ways.make_way("matrix products, fp32", str(checkpoint))
    answer = ways.answer(products, {"do": "rate", "seconds": 0.01})
    assert answer["rate"] > products.operations  # one second is enough for at least one pass over these small matrices


def test_jobs(checkpoint: Path) -> None:
    own = ways.make_way("bert_ner", str(checkpoint))
    assert len(ways.answer(own, {"do": "latencies", "texts": TEXTS})["latencies"]) == 3
    assert ways.answer(own, {"do": "entities", "texts": TEXTS}) == {"entities": own.read(TEXTS)}
    answer = ways.answer(own, {"do": "seconds", "texts": TEXTS})
    assert answer["seconds"] > 0
    assert answer["peak_mb"] > 50


def test_a_worker_answers_and_one_that_ends_says_why(checkpoint: Path, tmp_path: Path) -> None:
    with inference.workers(["bert_ner"], checkpoint, tmp_path) as asked:
        assert len(asked["bert_ner"].ask(do="entities", texts=TEXTS)["entities"]) == 3
        process = asked["bert_ner"].process
    assert process.poll() is not None
    worker = inference.Worker("bert_ner", sys.executable, tmp_path / "nothing", tmp_path / "log.txt")
    with pytest.raises(SystemExit, match="(?s)the process for bert_ner has ended. .*Its output: .*nothing"):
        worker.ask(do="entities", texts=TEXTS)
    worker.close()
