"""Test checkpoints on a local stand-in for the Hub: requests, rejected files and error messages."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import huggingface_hub
import numpy as np
import pytest
import torch
from fake_hub import serving
from huggingface_hub import constants, file_download, hf_hub_download
from pages import free_port
from safetensors.torch import load_file, save_file

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.config_labels import labels_in_config
from spacy_bert_ner.checkpoints.hub import locate_checkpoint
from spacy_bert_ner.errors import CheckpointError, ConfigError

try:
    from huggingface_hub import close_session as reset_sessions
except ImportError:  # older versions of the client
    from huggingface_hub.utils import reset_sessions

TEXT = "Kevin Durant lives in New York ."


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Use a separate cache, and a client with network access."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client makes five attempts with pauses
    let_ask(monkeypatch, True)
    yield tmp_path / "cache"
    reset_sessions()


def let_ask(monkeypatch, may):
    """Put the client online, or offline as with `HF_HUB_OFFLINE=1`.

    Sessions are reset because older clients store this setting in them.
    """
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", not may)
    reset_sessions()


def ask(monkeypatch, address):
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):  # older versions of the client define it in both modules
        if hasattr(module, "HUGGINGFACE_CO_URL_TEMPLATE"):
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(cache, monkeypatch):
    with serving() as hub:
        ask(monkeypatch, hub.address)
        yield hub


@pytest.fixture
def no_network(monkeypatch):
    """Return a function that makes the client use a port without a server."""

    def switch_off():
        ask(monkeypatch, f"http://127.0.0.1:{free_port()}")

    return switch_off


@pytest.fixture
def folder(tagger, tmp_path):
    """Return a typical repository, including weights for other frameworks and files left over from training."""
    folder = shutil.copytree(tagger, tmp_path / "repository")
    for name in ("pytorch_model.bin", "tf_model.h5", "model.fp16.safetensors", "training_args.bin", "README.md"):
        (folder / name).write_bytes(b"no weights")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.safetensors").write_bytes(b"no weights")
    (folder / "onnx" / "config.json").write_bytes(b"{}")
    return folder


def change(folder, name, **changes):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content | changes))


def pickle(folder):
    """Replace the weights with a pickle, as older versions of transformers saved them."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    for path in folder.glob("*.safetensors"):
        path.unlink()


def logits(checkpoint):
    ids, mask = checkpoint.pad([checkpoint.tokenize([TEXT])[0].ids])
    with torch.no_grad():
        return checkpoint.forward(ids, mask).numpy()


def test_a_repository_is_opened_like_a_folder(hub, folder, tagger):
    commit = hub.add("me/x", folder)
    checkpoint = Checkpoint.from_pretrained("me/x")
    assert (checkpoint.name, checkpoint.commit) == ("me/x", commit)
    np.testing.assert_array_equal(logits(checkpoint), logits(Checkpoint.from_pretrained(tagger)))


def test_weights_with_a_prefix_are_fetched_before_it_is_taken_off(hub, folder):
    weights = load_file(folder / "model.safetensors")
    wrapped = {f"module.{key}": value.clone() for key, value in weights.items()}
    save_file(wrapped, folder / "model.safetensors", metadata={"format": "pt"})
    hub.add("me/x", folder)
    message = (
        r"checkpoint 'me/x' begin with 'module\.'.*: hf download me/x --local-dir x; python -c .*\. Then specify that "
        r'folder: \{"model": \{"name": "x"\}\}$'
    )
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.from_pretrained("me/x")


def test_what_is_fetched_is_what_matters(hub, folder):
    hub.add("me/x", folder)
    Checkpoint.from_pretrained("me/x")
    small = {path.name for path in folder.iterdir() if path.suffix in (".json", ".txt")}
    assert small >= {"config.json", "tokenizer.json", "tokenizer_config.json"}  # transformers 4 writes more files
    expected = {f"{method} {name}" for method in ("HEAD", "GET") for name in {*small, "model.safetensors"}}
    assert hub.files() == expected | {"PART model.safetensors"}


def test_a_file_whose_name_holds_a_backslash_is_not_fetched(hub, folder):
    """Test a backslash in a file name, which would be a folder separator on Windows."""
    (folder / "vocab\\x.json").write_text("{}")  # the pattern `vocab*.json` selects this file for download
    hub.add("me/x", folder)
    Checkpoint.from_pretrained("me/x")
    assert not any("\\" in name or "%5C" in name for name in hub.files())


def test_what_the_cache_has_is_not_asked_for_again(hub, folder):
    commit = hub.add("me/x", folder)
    Checkpoint.from_pretrained("me/x")
    hub.asked.clear()
    Checkpoint.from_pretrained("me/x")
    assert hub.asked == ["HEAD /me/x/resolve/main/config.json"]  # to find the current commit of the branch
    hub.asked.clear()
    Checkpoint.from_pretrained("me/x", revision=commit)
    assert hub.asked == []


def test_labels_come_from_the_cache_and_nothing_is_asked_for(hub, folder, cache):
    hub.add("me/x", folder)
    assert labels_in_config("me/x") == ()
    assert (hub.asked, cache.exists()) == ([], False)
    Checkpoint.from_pretrained("me/x")
    hub.asked.clear()
    assert labels_in_config("me/x") == ("geo", "per")
    assert labels_in_config("me/x", revision="v2") == ()
    assert hub.asked == []


def test_a_branch_that_has_moved_on_is_followed_and_a_commit_stays(hub, folder, encoder, tmp_path):
    first = hub.add("me/x", folder)
    Checkpoint.from_pretrained("me/x")
    other = shutil.copytree(folder, tmp_path / "other")
    change(other, "config.json", id2label=dict(enumerate(["O", "B-a", "I-a", "B-b", "I-b"])))
    second = hub.add("me/x", other)
    old, new = Checkpoint.from_pretrained("me/x", revision=first), Checkpoint.from_pretrained("me/x")
    assert (old.commit, old.tags.labels) == (first, ("geo", "per"))
    assert (new.commit, new.tags.labels) == (second, ("a", "b"))
    assert Checkpoint.from_pretrained("me/x", revision=second).commit == second


def test_a_branch_by_name(hub, folder):
    commit = hub.add("x", folder, branch="v1.0")
    assert Checkpoint.from_pretrained("x", revision="v1.0").commit == commit


def test_weights_in_several_files(hub, tagger, folder):
    whole = Checkpoint.from_pretrained(tagger)
    (folder / "model.safetensors").unlink()
    whole.model.save_pretrained(folder, max_shard_size="30KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    hub.add("me/x", folder)
    np.testing.assert_array_equal(logits(Checkpoint.from_pretrained("me/x")), logits(whole))
    assert "GET model.fp16.safetensors" not in hub.files()


def test_nothing_of_the_cache_s_place_is_saved(hub, folder, cache, tmp_path):
    hub.add("me/x", folder)
    checkpoint = Checkpoint.from_pretrained("me/x")
    checkpoint.save(tmp_path / "saved")
    for path in (tmp_path / "saved").iterdir():
        assert str(cache).encode() not in path.read_bytes(), path.name


def test_for_its_tokenizer_alone_no_weights_are_fetched(hub, folder, tagger):
    hub.add("me/x", folder)
    ids = Checkpoint.load_tokenizer_only("me/x").tokenize([TEXT])[0].ids.tolist()
    assert ids == Checkpoint.load_tokenizer_only(tagger).tokenize([TEXT])[0].ids.tolist()
    assert not [file for file in hub.files() if "safetensors" in file]


# --- Rejected checkpoints ---


def refuses(hub, message, error=CheckpointError, **options):
    """Check that loading fails, and that neither weights nor files from a pull request are downloaded."""
    with pytest.raises(error, match=message) as caught:
        Checkpoint.from_pretrained("me/x", **options)
    assert not [line for line in hub.asked if re.search(r"^GET .*(safetensors|\.bin|\.h5)$|/pr/|discussions", line)]
    return str(caught.value)


@pytest.mark.process
def test_pickled_weights_are_refused_and_the_line_that_converts_them_does(hub, folder, tagger, tmp_path):
    pickle(folder)
    hub.add("me/x", folder)
    message = refuses(hub, r"are in pytorch_model.bin, tf_model.h5, .* were not downloaded\. .* If you trust")
    line = re.search(r'python -c "(.*)"\. Then', message)[1]
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    subprocess.run([sys.executable, "-c", line], check=True, cwd=tmp_path, env=environment, timeout=120)
    assert message.endswith('specify that folder: {"model": {"name": "x"}}')
    np.testing.assert_array_equal(
        logits(Checkpoint.from_pretrained(tmp_path / "x")), logits(Checkpoint.from_pretrained(tagger))
    )
    assert not [line for line in hub.asked if "discussions" in line or line.startswith("POST")]


def test_an_encoder_that_is_converted_gets_no_head(hub, encoder, tmp_path):
    folder = shutil.copytree(encoder, tmp_path / "repository")
    pickle(folder)
    hub.add("me/x", folder)
    assert "import AutoModel as M" in refuses(hub, "are in pytorch_model.bin")


def test_weights_of_a_pull_request_are_not_looked_for(hub, folder, tagger, monkeypatch):
    """Test that weights in a pull request are ignored.

    A bot converts pickles and opens a pull request. By default, transformers would load weights from it.
    """
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    pickle(folder)
    hub.add("me/x", folder)
    hub.add("me/x", tagger, branch="refs/pr/1")
    refuses(hub, "are in pytorch_model.bin, .* Allowed: safetensors files")


def test_code_is_refused(hub, folder):
    change(folder, "config.json", auto_map={"AutoModel": "code.Model"})
    (folder / "code.py").write_text("raise SystemExit")
    hub.add("me/x", folder)
    refuses(hub, r"'me/x' requires custom code, which is never run: config.json has auto_map")
    assert "GET code.py" not in hub.files()


def test_a_config_that_asks_for_too_much_is_refused_before_weights_are_fetched(hub, folder):
    change(folder, "config.json", vocab_size=10**11)
    hub.add("me/x", folder)
    refuses(hub, r"'me/x' describes a model that is far too large for its weights: [0-9,]{15,} weights")


def test_weights_elsewhere_are_refused(hub, folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../x.safetensors"}}')
    hub.add("me/x", folder)
    refuses(
        hub,
        r"index.json of the checkpoint 'me/x' refers to '\.\./\.\./x.safetensors', which is not a safetensors file "
        r"in the checkpoint's folder",
    )


def test_an_adapter_is_refused(hub, folder):
    """Test an adapter. This package would ignore it, and transformers would apply it if `peft` is installed."""
    (folder / "adapter_config.json").write_text("{}")
    hub.add("me/x", folder)
    refuses(hub, r"'me/x' contains an adapter \(adapter_config.json\), .* Allowed: weights without adapters\. Merge")


def test_a_repository_without_weights(hub, folder):
    for path in [*folder.glob("*.safetensors"), folder / "pytorch_model.bin", folder / "tf_model.h5"]:
        path.unlink()
    hub.add("me/x", folder)
    refuses(hub, "'me/x' cannot be loaded: it has no model.safetensors")


def test_a_repository_without_a_config(hub, folder):
    (folder / "config.json").unlink()
    hub.add("me/x", folder)
    refuses(hub, "'me/x' cannot be loaded: it has no config.json")


NAMES = ["a/b/c", "../x", "./x", "/no/such/folder", "a\\b", "C:\\x", "a/", "/no-such", "a//b", "a b", "a\0b", "a\nb"]
NAMES += [
    "https://huggingface.co/me/x",
    "me/x\n",
    ".x",
    "x.",
    "-x",
    "a--b",
    "a..b",
    "me/x.git",
    "x" * 97,
    "ü/x",
    "%2e%2e/x",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_no_name_is_not_asked_for(hub, cache, name):
    with pytest.raises(CheckpointError, match=r"not a valid repository name on the Hugging Face Hub\. Allowed: "):
        Checkpoint.from_pretrained(name)
    assert hub.asked == []
    assert not cache.exists()


@pytest.mark.parametrize("name", ["x", "me/x", "bert-base-cased", "me-2/x_y.z-1", "0/1"])
def test_what_can_be_one_is(hub, name):
    with pytest.raises(CheckpointError, match="was found: there is no such folder"):
        Checkpoint.from_pretrained(name)


@pytest.mark.parametrize(
    "revision", ["../x", "..", "/etc", "a\\b", "a b", "a\0", "a\n", "a//b", "-x", ".x", "a:b", "", "a/"]
)
def test_what_can_be_no_revision_is_not_asked_for(hub, folder, revision):
    hub.add("me/x", folder)
    with pytest.raises(
        ConfigError, match=r"revision = .* is invalid\. Allowed: a commit, branch or tag on the Hugging Face Hub"
    ):
        locate_checkpoint("me/x", revision=revision)
    assert hub.asked == []


# --- Error messages ---


def test_a_repository_that_is_not_there(hub):
    refuses(
        hub,
        r"No checkpoint 'me/x' was found: there is no such folder, .* no readable repo.* private, log in: hf auth "
        r"login",
    )


def test_a_revision_that_is_not_there(hub, folder):
    hub.add("me/x", folder)
    refuses(hub, r"'me/x' has no revision 'v9'. Allowed: a commit, branch or tag", revision="v9")


def test_a_repository_that_is_gated(hub, folder):
    hub.add("me/x", folder)
    hub.gated.add("me/x")
    refuses(hub, r"'me/x' is gated: its owner must grant access. .*hf auth login")


def test_a_hub_that_is_out_of_order(hub, folder):
    hub.add("me/x", folder)
    hub.broken = True
    refuses(hub, r"'me/x' is not a local folder and is not in the cache. The Hugging Face Hub cannot be reached, ")


def test_no_network_and_nothing_in_the_cache(cache, no_network):
    no_network()
    with pytest.raises(
        CheckpointError, match=r"cannot be reached, because the network is unavailable or .* hf download me/x"
    ):
        Checkpoint.from_pretrained("me/x")


@pytest.mark.parametrize("way", ["no network", "out of order", "HF_HUB_OFFLINE", "local_files_only"])
def test_without_the_hub_the_cache_does(hub, folder, no_network, monkeypatch, way):
    commit = hub.add("me/x", folder)
    before = logits(Checkpoint.from_pretrained("me/x"))
    hub.asked.clear()
    if way == "no network":
        no_network()
    hub.broken = way == "out of order"
    let_ask(monkeypatch, way != "HF_HUB_OFFLINE")
    only = way == "local_files_only"
    for revision in (None, "main", commit):
        checkpoint = Checkpoint.from_pretrained("me/x", revision=revision, local_files_only=only)
        assert checkpoint.commit == commit
        np.testing.assert_array_equal(logits(checkpoint), before)
    assert hub.asked == [] or way == "out of order"


def fetch_as_others_do(name, *files):
    for file in files:
        hf_hub_download(name, file)


def test_what_transformers_alone_has_fetched_will_do(hub, folder, no_network):
    commit = hub.add("me/x", folder)
    fetch_as_others_do("me/x", "config.json", "model.safetensors", "tokenizer_config.json", "tokenizer.json")
    hub.asked.clear()
    Checkpoint.from_pretrained("me/x")
    assert hub.asked == ["HEAD /me/x/resolve/main/config.json"]
    no_network()
    assert Checkpoint.from_pretrained("me/x").commit == commit


def test_what_the_cache_lacks_is_fetched(hub, folder, tagger):
    """Test a cache with a vocabulary but without the tokenizer config.

    A tokenizer could be loaded from the vocabulary alone, but it would behave differently.
    """
    hub.add("me/x", folder)
    fetch_as_others_do("me/x", "config.json", "model.safetensors", "tokenizer.json")
    hub.asked.clear()
    np.testing.assert_array_equal(
        logits(Checkpoint.from_pretrained("me/x")), logits(Checkpoint.from_pretrained(tagger))
    )
    assert "GET tokenizer_config.json" in hub.files()


def test_a_cache_without_weights(hub, folder, no_network):
    hub.add("me/x", folder)
    Checkpoint.load_tokenizer_only("me/x")
    no_network()
    Checkpoint.load_tokenizer_only("me/x")
    with pytest.raises(CheckpointError, match=r"is not in the cache. .* cannot be reached, because"):
        Checkpoint.from_pretrained("me/x")


def test_a_cache_with_pickled_weights(hub, folder, no_network):
    pickle(folder)
    hub.add("me/x", folder)
    fetch_as_others_do("me/x", "config.json", "pytorch_model.bin", "tokenizer.json")
    no_network()
    with pytest.raises(CheckpointError, match="are in pytorch_model.bin, which can run code"):
        Checkpoint.from_pretrained("me/x")


def test_fetching_that_was_broken_off_goes_on(hub, folder, monkeypatch):
    hub.add("me/x", folder)
    real = huggingface_hub.hf_hub_download

    def fail(name, file, **options):
        if file == "tokenizer_config.json":
            raise OSError("No space left on device")
        return real(name, file, **options)

    with monkeypatch.context() as patched:
        patched.setattr(huggingface_hub, "hf_hub_download", fail)
        with pytest.raises(CheckpointError, match="cannot be loaded: No space left on device"):
            Checkpoint.from_pretrained("me/x")
    Checkpoint.from_pretrained("me/x")


def test_weights_that_are_cut_off(hub, folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    hub.add("me/x", folder)
    with pytest.raises(CheckpointError, match="'me/x' cannot be loaded: "):
        Checkpoint.from_pretrained("me/x")


def test_a_header_that_is_none(hub, folder):
    save_file({}, folder / "model.safetensors")
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    hub.add("me/x", folder)
    refuses(hub, "'me/x' cannot be loaded: ")
