"""Test memory use, arithmetic and training on a real GPU. Without a GPU, these tests are skipped."""

import signal
from importlib.util import find_spec

import pytest
import spacy
import torch
from checkpoints import save_bert
from spacy.training import Example
from support import RAY, found, initialized
from thinc.compat import has_cupy_gpu
from training_runs import (
    Run,
    check_done,
    check_rows,
    furthest,
    killed_after,
    rows,
    saved,
    together_on_one_gpu,
    write_twenty_steps,
)

from spacy_bert_ner.errors import BertNerError, ConfigError
from spacy_bert_ner.training import training_checkpoints

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not has_cupy_gpu, reason="there is no GPU, or no CuPy for it"),
]

LINE = ["-o", "out", "-g", "0"]
TEXTS = [f"{'Kevin Durant lives in New York . ' * n}Mr. O'Neill plays for the Nets ." for n in range(16)]


@pytest.fixture(scope="module")
def config(encoder, tmp_path_factory):
    return write_twenty_steps(tmp_path_factory.mktemp("config"), encoder)


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    check_done([Run(folder, config, *LINE, forked=False).wait()])
    return folder


@pytest.fixture
def on_gpu():
    """Use the GPU in this process for the duration of a test."""
    spacy.require_gpu()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    spacy.require_cpu()


def make(tagger, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8, **model}})
    nlp("")
    return nlp


def entities(docs):
    return [[(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in docs]


def runtime(**settings):
    return {"@misc": "spacy_bert_ner.TorchRuntime.v1", **settings}


@pytest.fixture
def leave_room():
    """Return a function that limits torch to its current memory plus the given number of megabytes."""

    def leave(megabytes):
        torch.cuda.empty_cache()
        allowed = torch.cuda.memory_reserved() + megabytes * 2**20
        torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(0).total_memory)

    yield leave
    torch.cuda.set_per_process_memory_fraction(1.0)


def fill_up():
    """Allocate all remaining memory and return the tensors.

    They have several sizes because torch manages large and small blocks separately.
    """
    held = []
    for size in (2 * 2**20, 2**18, 2**12):
        try:
            while True:
                held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.cuda.OutOfMemoryError:
            pass
    return held


def counted(nlp, monkeypatch):
    """Return a list to which the size of each batch for the encoder will be added."""
    checkpoint = nlp.get_pipe("bert_ner").model.shims[0].checkpoint
    sizes, real = [], checkpoint.forward

    def forward(ids, mask):
        sizes.append(len(ids))
        return real(ids, mask)

    monkeypatch.setattr(checkpoint, "forward", forward)
    return sizes


class TestPredictions:
    def test_a_gpu_finds_what_a_cpu_finds(self, tagger, request):
        nlp = make(tagger)
        docs = list(nlp.pipe(TEXTS))
        expected, logits = entities(docs), nlp.get_pipe("bert_ner").model.predict(docs)
        request.getfixturevalue("on_gpu")
        nlp = make(tagger)
        model = nlp.get_pipe("bert_ner").model
        assert entities(nlp.pipe(TEXTS)) == expected
        assert entities(nlp(text) for text in TEXTS) == expected
        assert len({tuple(one) for one in expected}) > 10
        assert model.shims[0].checkpoint.device.type == "cuda"
        for own, other in zip(model.predict(docs), logits, strict=True):
            assert own.dataXd.get() == pytest.approx(other.dataXd, abs=1e-3)

    @pytest.mark.parametrize("precision", ["bf16", "fp16", "auto"])
    def test_half_precision_changes_few_entities(self, tagger, on_gpu, precision):
        expected = {(i, *ent) for i, ents in enumerate(entities(make(tagger).pipe(TEXTS))) for ent in ents}
        docs = make(tagger, runtime=runtime(precision=precision)).pipe(TEXTS)
        got = {(i, *ent) for i, ents in enumerate(entities(docs)) for ent in ents}
        assert len(expected & got) > 0.9 * len(expected | got)

    @pytest.mark.skipif(not find_spec("triton"), reason="there is no triton")
    def test_compiled(self, tagger, on_gpu):
        expected = entities(make(tagger).pipe(TEXTS))
        assert entities(make(tagger, runtime=runtime(compile=True)).pipe(TEXTS)) == expected

    def test_eight_bits_are_for_cpus(self, tagger, on_gpu):
        with pytest.raises(ConfigError, match=r"precision.*the weights are on 'cuda"):
            make(tagger, runtime=runtime(precision="int8"))

    def test_what_a_gpu_saves_a_cpu_reads(self, tagger, on_gpu, tmp_path):
        nlp = make(tagger)
        expected = entities(nlp.pipe(TEXTS))
        nlp.to_disk(tmp_path / "saved")
        data = nlp.to_bytes()
        spacy.require_cpu()
        assert entities(spacy.load(tmp_path / "saved").pipe(TEXTS)) == expected
        other = make(tagger)
        other.from_bytes(data)
        assert entities(other.pipe(TEXTS)) == expected

    @pytest.mark.filterwarnings("ignore:.*multiprocessing.*")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forked_processes_are_refused(self, tagger, on_gpu):
        with pytest.raises(ValueError, match=r"(?s)E871.*a forked process cannot use.*n_process=1"):
            list(make(tagger).pipe(TEXTS, n_process=2))


class TestMemory:
    @pytest.fixture
    def nlp(self, tmp_path, on_gpu):
        """Return a pipeline with almost unlimited batches. A long text then takes 2 GB or more."""
        torch.manual_seed(0)
        sizes = {"hidden_size": 256, "intermediate_size": 1024, "max_position_embeddings": 512}
        return make(save_bert(tmp_path / "wide", **sizes), max_batch_tokens=10**7, window=128)

    def test_a_batch_without_room_is_halved(self, nlp, leave_room, monkeypatch):
        text = "Kevin Durant lives in New York . Ana came . " * 10000
        expected = entities([nlp(text)])
        assert len(expected[0]) > 1000
        sizes = counted(nlp, monkeypatch)
        leave_room(300)
        assert entities([nlp(text)]) == expected
        assert len(sizes) > 4  # several batches, each followed by its halves
        assert sizes[1] == sizes[0] // 2
        assert torch.cuda.max_memory_reserved() > 300 * 2**20

    def test_what_does_not_fit_alone_is_an_error_and_the_next_goes_on(self, nlp, leave_room):
        expected = entities([nlp("Kevin Durant lives in New York .")])
        leave_room(0)
        held = fill_up()
        with pytest.raises(BertNerError, match=r"fit in memory .CUDA out of memory"):
            nlp("Kevin Durant lives in New York . " * 2000)
        del held
        leave_room(2000)
        assert entities([nlp("Kevin Durant lives in New York .")]) == expected

    def test_training_without_room_is_an_error_and_the_next_goes_on(self, nlp, leave_room):
        def example(n):
            return Example.from_dict(nlp.make_doc("Kevin plays . " * n), {"entities": [(0, 5, "per")]})

        nlp.update([example(1)])
        leave_room(100)
        with pytest.raises(BertNerError, match=r"does not fit in memory .CUDA out of memory.*accumulate_gradient"):
            nlp.update([example(20000)])
        leave_room(2000)
        losses = nlp.update([example(2)])
        assert losses["bert_ner"] > 0


class TestTraining:
    def test_overfitting(self, make_nlp, examples, on_gpu):
        nlp = initialized(make_nlp, examples)
        optimizer = nlp.create_optimizer()
        optimizer.learn_rate = 0.01
        for _ in range(60):
            nlp.update(examples, sgd=optimizer)
        assert found(nlp, examples)[0] == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]

    def test_a_gpu_learns_what_a_cpu_learns(self, config, alone, tmp_path):
        check_done([Run(tmp_path, config, "-o", "out", forked=False).wait()])
        assert furthest(alone, tmp_path) < 1e-4
        assert float(rows(alone / "log.csv")[-1]["ents_f"]) > 0.1

    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"training.dropout": 0.2},
            {"components.bert_ner.model.precision": "bf16", "training.dropout": 0.2},
            {"components.bert_ner.model.precision": "fp16"},
        ],
        ids=str,
    )
    def test_killed_it_goes_on_with_the_same_bits(self, config, settings, tmp_path):
        options = [part for key, value in settings.items() for part in (f"--{key}", value)]
        line = [config, *LINE, *options, "--minutes", "0.000001"]
        check_done([Run(tmp_path / "whole", *line, forked=False).wait()])
        killed = Run(tmp_path / "killed", *line, forked=False, first=killed_after(7)).wait()
        assert killed.returncode == -signal.SIGKILL, killed.printed
        check_done([Run(tmp_path / "killed", *line, "--resume", forked=False).wait()])
        assert saved(tmp_path / "whole" / "out") == saved(tmp_path / "killed" / "out")
        assert rows(tmp_path / "whole" / "log.csv") == rows(tmp_path / "killed" / "log.csv")

    def test_what_a_gpu_began_a_cpu_ends(self, config, alone, tmp_path):
        line = [config, "--minutes", "0.000001"]
        killed = Run(tmp_path, *line, *LINE, forked=False, first=killed_after(7)).wait()
        assert killed.returncode == -signal.SIGKILL, killed.printed
        check_done([Run(tmp_path, *line, "-o", "out", "--resume", forked=False).wait()])
        assert furthest(alone, tmp_path) < 1e-4

    @pytest.mark.parametrize(
        ("settings", "most"),
        [
            ({}, 1e-5),
            ({"components.bert_ner.model.precision": "fp16"}, 0.01),
            ({"components.bert_ner.model.precision": "bf16"}, 0.05),
        ],
        ids=str,
    )
    def test_two_workers_over_nccl_give_the_weights_of_one(self, config, settings, most, tmp_path):
        options = [part for key, value in settings.items() for part in (f"--{key}", value)]
        check_done([Run(tmp_path / "one", config, *LINE, *options, forked=False).wait()])
        check_done(together_on_one_gpu(tmp_path / "two", 2, config, *LINE, *options))
        assert furthest(tmp_path / "one", tmp_path / "two") < most
        if not settings:
            check_rows(tmp_path / "one", tmp_path / "two")

    def test_two_over_nccl_go_on_as_one_and_as_two(self, config, alone, tmp_path):
        line = [config, *LINE, "--minutes", "0.000001"]
        killed = together_on_one_gpu(tmp_path / "2", 2, *line, first=killed_after(7))
        assert killed[0].returncode == -signal.SIGKILL
        assert training_checkpoints.latest_checkpoint(tmp_path / "2" / "out").name == "00000007"
        check_done(together_on_one_gpu(tmp_path / "2", 2, *line, "--resume"))
        assert furthest(alone, tmp_path / "2") < 1e-5


@pytest.mark.skipif(not find_spec("ray"), reason="there is no Ray")
class TestRay:
    pytestmark = RAY

    def test_a_worker_with_a_gpu(self, config, alone, tmp_path, monkeypatch):
        monkeypatch.setenv("RAY_worker_niceness", "0")
        check_done([Run(tmp_path, config, *LINE, "--workers", "1", forked=False).wait()])
        assert furthest(alone, tmp_path) == 0
