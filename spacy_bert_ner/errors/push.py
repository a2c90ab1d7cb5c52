"""Define the message templates for uploads to the Hugging Face Hub."""

from __future__ import annotations

_UNCHANGED = "No file in the repository was changed, because an upload is one commit. The repository may be new."


class PushMessages:
    """The templates for messages about uploads, to be filled in with `str.format`."""

    push_name = (
        "The repository {repo!r} is invalid. Allowed: the name of its owner and its own name, each with letters, "
        "digits, '-', '_' and '.'. Specify both: python -m spacy bert-ner push SOURCE OWNER/NAME"
    )
    push_revision = (
        "The revision {revision!r} is invalid. Allowed: the name of a branch, such as --revision v2. Specify one, or "
        "omit the option to use the main branch."
    )
    push_no_folder = (
        "There is no folder '{source}', and no installed package has this name. Allowed: the folder of a saved "
        "pipeline or of a checkpoint, or an installed pipeline package. Specify one, such as training/model-best."
    )
    push_neither = (
        "{folder} contains neither a pipeline nor a checkpoint. Allowed: a saved pipeline (meta.json and config.cfg), "
        "or a checkpoint (config.json and model.safetensors). Write a checkpoint: python -m spacy bert-ner export "
        "PIPELINE OUTPUT --to hf"
    )
    push_linked_folder = (
        "{file} in {folder} is a link to a folder, so its files would not be uploaded. Allowed: regular files and "
        "folders. Copy the pipeline without links: cp -rL {folder} COPY"
    )
    push_no_card = (
        "{folder} has no README.md, so the repository gets no model card. Write one, then push again: {command}"
    )
    push_card_of_pipeline = "python -m spacy bert-ner card PIPELINE METRICS"
    push_card_of_checkpoint = "python -m spacy bert-ner export PIPELINE OUTPUT --to hf"
    push_public = (
        "The repository {repo} already exists and is public, so nothing was uploaded with --private. Allowed: a new "
        "or private repository. Make it private in its settings, choose another name, or omit --private."
    )
    push_login = (
        "The Hugging Face Hub does not know who uploads to {repo}: there is no access token, or it is not valid. "
        "Allowed: a token with write permission. Log in: hf auth login. Reason: {reason}"
    )
    push_offline = (
        "The upload to {repo} failed, because the network is unavailable or HF_HUB_OFFLINE is set. "
        f"{_UNCHANGED} Unset HF_HUB_OFFLINE, check the network, and run the command again. Reason: {{reason}}"
    )
    push_refused = (
        "The Hugging Face Hub refused the upload to {repo} with status {status}. Allowed: a repository that your token "
        f"may write to, and that does not change during the upload. {_UNCHANGED} Check the owner and the name, log in "
        "with a token that has write permission (hf auth login), and run the command again. Reason: {reason}"
    )
    push_failed = (
        "The Hugging Face Hub failed with status {status} during the upload to {repo}. "
        f"{_UNCHANGED} Run the command again later. Reason: {{reason}}"
    )
    push_invalid = (
        "The upload to {repo} is invalid. Allowed: a README.md whose metadata the Hub accepts, and regular files. "
        f"{_UNCHANGED} Correct what the reason names, and run the command again. Reason: {{reason}}"
    )
