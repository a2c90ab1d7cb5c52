"""What several benchmarks do in the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_bert_ner.util.atomic_io import atomic_files


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write results, whole or not at all."""
    with atomic_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def bare(doc: Doc, vocab: Vocab) -> Doc:
    """The words and spaces of a Doc, without what is annotated there."""
    return Doc(vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
