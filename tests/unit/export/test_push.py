"""Test uploads to a local stand-in for the Hub: what is uploaded, what can be loaded from it, and errors."""

import os
import shutil
import time

import pytest
import spacy
from fake_hub import serving
from huggingface_hub import constants, file_download, snapshot_download
from pages import free_port
from typer.testing import CliRunner

import spacy_bert_ner
from spacy_bert_ner.cli import app
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.export.push import push

try:
    from huggingface_hub import close_session as reset_sessions
except ImportError:  # older versions of the client
    from huggingface_hub.utils import reset_sessions

TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def online(tmp_path, monkeypatch):
    """Return a function that directs a logged-in client with a separate cache to an address."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client makes several attempts with pauses

    def go(address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        for module in (constants, file_download):  # older versions of the client define it in both modules
            if hasattr(module, "HUGGINGFACE_CO_URL_TEMPLATE"):
                monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    reset_sessions()
    yield go
    reset_sessions()


@pytest.fixture
def hub(online, tmp_path):
    with serving() as hub:
        hub.storage = tmp_path / "storage"
        online(hub.address)
        yield hub


@pytest.fixture
def checkpoint(tagger, tmp_path):
    """Return a checkpoint with a card, and with files that must not be uploaded."""
    folder = shutil.copytree(tagger, tmp_path / "checkpoint")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Names\n")
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "data.csv", ".env", ".old.safetensors"):
        (folder / name).write_text("secret")
    (folder / "checkpoint-500").mkdir()
    (folder / "checkpoint-500" / "model.safetensors").write_text("old")
    return folder


@pytest.fixture
def pipeline(tagger, tmp_path):
    """Return the folder of a pipeline with a card and a hidden file."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "README.md").write_text("# Names\n")
    (tmp_path / "pipeline" / ".git").mkdir()
    (tmp_path / "pipeline" / ".git" / "config").write_text("secret")
    return tmp_path / "pipeline"


def files_of(hub, name, branch="main"):
    folder = hub.commits[name, hub.branches[name, branch]]
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def n_commits(hub):
    return sum("/commit/" in line for line in hub.asked)


def entities(nlp):
    doc = nlp("Kevin Durant lives in New York .")
    return [(ent.text, ent.label_, ent._.score) for ent in doc.ents]


# What is uploaded


def test_a_pushed_checkpoint_can_be_loaded_by_name(hub, checkpoint, tagger):
    url = push(checkpoint, "me/names")
    assert url == f"{hub.address}/me/names/commit/{hub.branches['me/names', 'main']}"
    assert n_commits(hub) == 1
    assert hub.messages == ["Upload checkpoint"]
    assert files_of(hub, "me/names") == {
        *("README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *({"special_tokens_map.json", "vocab.txt"} & {path.name for path in tagger.iterdir()}),
    }
    found = entities(spacy_bert_ner.load("me/names"))
    assert found
    assert found == entities(spacy_bert_ner.load(tagger))


def test_a_pushed_pipeline_can_be_downloaded_and_loaded(hub, pipeline):
    push(pipeline, "me/pipeline", message="First version")
    assert n_commits(hub) == 1
    assert hub.messages == ["First version"]
    names = {path.relative_to(pipeline).as_posix() for path in pipeline.rglob("*") if path.is_file()}
    assert files_of(hub, "me/pipeline") == names - {".git/config"}
    assert entities(spacy.load(snapshot_download("me/pipeline"))) == entities(spacy.load(pipeline))


def test_an_installed_package_is_pushed_without_its_module(hub, pipeline, tmp_path, monkeypatch):
    package = tmp_path / "en_pushed"
    shutil.copytree(pipeline, package / "en_pipeline-0.0.0")
    shutil.copy(pipeline / "meta.json", package)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("spacy_bert_ner.export.push.is_package", lambda name: name == "en_pushed")
    push("en_pushed", "me/package")
    assert {"meta.json", "config.cfg"} <= files_of(hub, "me/package")
    assert "__init__.py" not in files_of(hub, "me/package")


def test_a_second_push_adds_a_commit(hub, checkpoint):
    first = push(checkpoint, "me/names")
    (checkpoint / "README.md").write_text("changed")
    (checkpoint / "tokenizer_config.json").unlink()
    assert push(checkpoint, "me/names") != first
    folder = hub.commits["me/names", hub.branches["me/names", "main"]]
    assert (folder / "README.md").read_text() == "changed"
    assert (folder / "tokenizer_config.json").exists()


def test_a_branch_is_created(hub, checkpoint):
    for _ in range(2):
        push(checkpoint, "me/names", revision="v2")
    assert "config.json" in files_of(hub, "me/names", "v2")
    assert files_of(hub, "me/names") == set()


def test_a_private_repository_is_created(hub, checkpoint):
    push(checkpoint, "me/names", private=True)
    push(checkpoint, "me/names", private=True)
    assert hub.private == {"me/names"}


def test_a_public_repository_is_not_used_as_a_private_one(hub, checkpoint):
    push(checkpoint, "me/names")
    with pytest.raises(BertNerError, match="me/names already exists and is public"):
        push(checkpoint, "me/names", private=True)
    assert n_commits(hub) == 1


@pytest.mark.parametrize(("kind", "command"), [("checkpoint", "export PIPELINE OUTPUT --to hf"), ("pipeline", "card")])
def test_a_missing_card_is_a_warning(kind, command, hub, request):
    folder = request.getfixturevalue(kind)
    (folder / "README.md").unlink()
    with pytest.warns(UserWarning, match=f"has no README.md.* bert-ner {command}"):
        push(folder, "me/x")
    assert "config.json" in files_of(hub, "me/x") or "config.cfg" in files_of(hub, "me/x")


# Errors


@pytest.mark.parametrize(
    "repo", ["names", "me/names/x", "../names", "/names", "me/", "https://huggingface.co/me/names"]
)
def test_a_name_needs_an_owner(repo, hub, checkpoint):
    with pytest.raises(BertNerError, match=r"is invalid\. Allowed: .* push SOURCE OWNER/NAME"):
        push(checkpoint, repo)
    assert hub.asked == []


def test_a_bad_branch_is_refused(hub, checkpoint):
    with pytest.raises(BertNerError, match=r"The revision 'a b' is invalid\. Allowed: .*--revision v2"):
        push(checkpoint, "me/x", revision="a b")
    assert hub.asked == []


def test_a_missing_folder_is_refused(hub, tmp_path):
    with pytest.raises(BertNerError, match=r"There is no folder '.*none', .*training/model-best"):
        push(tmp_path / "none", "me/x")
    assert hub.asked == []


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_another_folder_is_refused(missing, hub, tagger, tmp_path):
    folder = shutil.copytree(tagger, tmp_path / "folder")
    (folder / missing).unlink()
    with pytest.raises(BertNerError, match="neither a pipeline nor a checkpoint.* --to hf"):
        push(folder, "me/x")
    assert hub.asked == []


def test_a_checkpoint_of_pickles_is_refused(hub, checkpoint):
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(BertNerError, match="safetensors"):
        push(checkpoint, "me/x")
    assert hub.asked == []


@pytest.mark.parametrize("kind", ["checkpoint", "pipeline"])
def test_an_irregular_file_is_refused(kind, hub, request):
    folder = request.getfixturevalue(kind)
    os.mkfifo(folder / "vocab.txt" if not (folder / "vocab.txt").exists() else folder / "dict.txt")
    with pytest.raises(BertNerError, match="is a device, a pipe or a socket"):
        push(folder, "me/x")
    assert hub.asked == []


def test_a_link_to_a_folder_is_refused(hub, pipeline, tagger):
    (pipeline / "other").symlink_to(tagger)
    with pytest.raises(BertNerError, match="other in .* is a link to a folder.* cp -rL"):
        push(pipeline, "me/x")
    assert hub.asked == []


def test_without_a_token_nothing_is_asked(hub, checkpoint, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "none")
    with pytest.raises(BertNerError, match=r"there is no access token.* hf auth login"):
        push(checkpoint, "me/x")
    assert hub.asked == []


def test_an_invalid_token_is_not_printed(hub, checkpoint):
    hub.refusals["repos/create"] = (401, f"The token {TOKEN} is invalid")
    with pytest.raises(BertNerError, match="or it is not valid.* hf auth login") as caught:
        push(checkpoint, "me/x")
    assert TOKEN not in str(caught.value)


def test_offline_mode_is_named(hub, checkpoint, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    reset_sessions()
    with pytest.raises(BertNerError, match=r"HF_HUB_OFFLINE is set.*Unset HF_HUB_OFFLINE"):
        push(checkpoint, "me/x")
    assert hub.asked == []


def test_a_missing_network_is_named(online, checkpoint):
    online(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(BertNerError, match="the network is unavailable"):
        push(checkpoint, "me/x")


@pytest.mark.parametrize("status", [403, 404, 409])
def test_a_refused_upload_changes_nothing(status, hub, checkpoint):
    hub.refusals["commit"] = (status, "No")
    with pytest.raises(BertNerError, match=rf"refused the upload to me/x with status {status}\. Allowed: .*one commit"):
        push(checkpoint, "me/x")
    assert files_of(hub, "me/x") == set()


def test_a_server_error_says_to_try_again(hub, checkpoint):
    hub.refusals["commit"] = (500, "No")
    with pytest.raises(BertNerError, match=r"failed with status 500 .*one commit\. .*again later"):
        push(checkpoint, "me/x")


def test_bad_metadata_is_refused_before_the_upload(hub, checkpoint):
    hub.refusals["validate-yaml"] = (400, '"license" must be a string')
    with pytest.raises(BertNerError, match='README.md whose metadata.*"license" must be a string'):
        push(checkpoint, "me/x")
    assert n_commits(hub) == 0


# The command


def test_the_command_prints_the_commit_and_the_warning(hub, checkpoint):
    (checkpoint / "README.md").unlink()
    arguments = ["push", str(checkpoint), "me/names", "--private", "--revision", "v2", "--message", "Second version"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    commit = hub.branches["me/names", "v2"]
    assert done.output.splitlines() == [
        f"⚠ {checkpoint} has no README.md, so the repository gets no model card. Write one, then push again: "
        "python -m spacy bert-ner export PIPELINE OUTPUT --to hf",
        f"✔ Uploaded {checkpoint}: {hub.address}/me/names/commit/{commit}",
    ]
    assert hub.messages == ["Second version"]
    assert hub.private == {"me/names"}
