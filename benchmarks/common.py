"""Helper functions that several benchmarks share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_bert_ner.util.atomic_io import atomic_files


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write results to a JSON file atomically."""
    with atomic_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def bare(doc: Doc, vocab: Vocab) -> Doc:
    """Copy a Doc with only its words and spaces, without annotations."""
    return Doc(vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
