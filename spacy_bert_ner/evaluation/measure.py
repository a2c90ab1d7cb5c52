"""A pipeline on held-out examples: what it finds, and all that is measured of that."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..annotations import entity_score
from ..corpus.spacy_docs import read_docs
from ..errors import BertNerError, Errors
from ..types import Entity, Prediction
from .confidence_curves import Scored, confidence
from .matches import KINDS, SCHEMAS, count_matches, mistakes
from .provenance import spacy_files
from .scorer import score_bert_ner
from .scores import count, prf, score
from .slices import slices

MISSED, SPURIOUS = "missed", "spurious"
_MOST_STRINGS = 30


class Found(NamedTuple):
    """What a pipeline found, on the tokens of the gold Docs; entities on tokens without annotation are left out.

    examples: predicted and gold Docs.
    gold: the entities of each Doc, in the order of the text.
    scored: the predicted ones, with the score that `bert_ner` gave them, if it did.
    seconds (float): that the pipeline took.
    labels: those that its components can give, as far as they tell.
    """

    examples: list[Example]
    gold: list[list[Entity]]
    scored: list[list[Prediction]]
    seconds: float
    labels: frozenset[str]

    @property
    def docs(self) -> list[Doc]:
        """The gold Docs."""
        return [eg.reference for eg in self.examples]

    @property
    def predicted(self) -> list[list[Entity]]:
        """The predicted entities of each Doc, in the order of the text."""
        return [[Entity(*one[:3]) for one in doc] for doc in self.scored]


def read_gold(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """The Docs of a `.spacy` file, or of all in a folder, that are annotated with entities and not empty.

    RAISES BertNerError: there is no such file, or it is damaged.
    """
    files = spacy_files(path)
    if not files:
        raise BertNerError(Errors.no_such_file.format(path=path))
    for file in files:
        yield from (doc for doc in read_docs(file, vocab) if doc.has_annotation("ENT_IOB"))


def find(nlp: Language, data: Path) -> Found:
    """Run a pipeline, of whatever components, on the raw text of a `.spacy` file, or of all in a folder.

    RAISES BertNerError: there is no such file, it is damaged, or has no Doc that is annotated with entities.
    """
    examples = [Example(_plain(nlp, doc), doc) for doc in read_gold(data, nlp.vocab)]
    if not examples:
        raise BertNerError(Errors.no_gold.format(data=data))
    start = time.perf_counter()
    docs = list(nlp.pipe([eg.predicted for eg in examples]))
    seconds = time.perf_counter() - start
    examples = [Example(doc, eg.reference) for doc, eg in zip(docs, examples, strict=True)]
    gold = [[Entity(ent.label_, ent.start, ent.end) for ent in eg.reference.ents] for eg in examples]
    who = [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
    labels = frozenset(label for name in who for label in nlp.pipe_labels.get(name, ()))
    return Found(examples, gold, [_predicted(eg) for eg in examples], seconds, labels)


def _plain(nlp: Language, doc: Doc) -> Doc:
    """As spaCy's own corpus has it: tokenized anew, unless it is not known where spaces are."""
    return Doc(nlp.vocab, words=[token.text for token in doc]) if doc.has_unknown_spaces else nlp.make_doc(doc.text)


def _predicted(eg: Example) -> list[Prediction]:
    known = [token.ent_iob != 0 for token in eg.reference]
    entities = []
    for ent in eg.predicted.ents:
        # As spaCy's scorer has it: on the gold tokens from the first to the last that it touches.
        places = eg.alignment.x2y[ent.start : ent.end]
        if len(places) and all(known[int(places[0]) : int(places[-1]) + 1]):
            entities.append(Prediction(ent.label_, int(places[0]), int(places[-1]) + 1, entity_score(ent)))
    return sorted(entities, key=lambda entity: entity[1:3])


def metrics(
    found: Found, seed: int = 0, *, known: Mapping[str, Mapping[str, int]] | None = None, wanted_precision: float = 0.9
) -> dict[str, Any]:
    """What is written of one pipeline.

    known: the entities of the training data, see `slices.known_entities`; None where it is not at hand.
    wanted_precision: that the thresholds which are told give, from 0 to 1.
    RETURNS: `scores`, see `scores.score`; `schemas` and `mistakes`, see `matches`; `confusion`, the numbers of pairs
        of gold and predicted labels of entities with the same boundaries, where the other side of a gold entity
        without one is `missed`, and of a predicted one `spurious`; `strings`, the most frequent of those pairs that
        are no match, with the text; `slices`, see `slices.slices`; `confidence`, see `confidence_curves.confidence`;
        token accuracies as the scorer of the component has them; `unknown_labels`, gold ones that the pipeline never
        gives; `n_docs`, `n_words`, and `words_per_second`.
    """
    docs, predicted = found.docs, found.predicted
    pairs = list(zip(found.gold, predicted, strict=True))
    n_gold, n_predicted = sum(map(len, found.gold)), sum(map(len, predicted))
    schemas: dict[str, Any] = {}
    for schema in SCHEMAS:
        n: Counter[str] = sum((count_matches(*pair, schema) for pair in pairs), Counter())
        right = n["correct"] + n["partial"] / 2
        outcomes = ("correct", "incorrect", "partial", MISSED, SPURIOUS)
        schemas[schema] = prf(right, n_predicted, n_gold) | {key: n[key] for key in outcomes}
    kinds = Counter(mistake.kind for pair in pairs for mistake in mistakes(*pair))
    cells, strings = _confusions(docs, pairs)
    n_words = sum(len(eg.predicted) for eg in found.examples)
    tokens = score_bert_ner(found.examples)
    scored = [
        Scored(one.label, one.score, Entity(*one[:3]) in wanted)
        for wanted, doc in zip(map(set, found.gold), found.scored, strict=True)
        for one in doc
        if one.score is not None
    ]
    labels = Counter(entity.label for doc in found.gold for entity in doc)
    given = {entity.label for doc in predicted for entity in doc}
    return {
        "n_docs": len(docs),
        "n_words": n_words,
        "words_per_second": n_words / found.seconds,
        "scores": score(count(found.gold, predicted), seed=seed),
        "schemas": schemas,
        "mistakes": {kind: kinds[kind] for kind in KINDS},
        "confusion": [{"gold": gold, "predicted": other, "n": n} for (gold, other), n in sorted(cells.items())],
        "strings": [
            {"text": text, "gold": gold, "predicted": other, "n": n}
            for (text, gold, other), n in sorted(strings.items(), key=lambda item: (-item[1], item[0]))[:_MOST_STRINGS]
        ],
        "slices": slices(docs, found.gold, predicted, known, seed),
        "confidence": confidence(scored, labels, wanted_precision),
        "unknown_labels": sorted(labels.keys() - found.labels - given) if found.labels else [],
        "iob_acc": tokens["iob_acc"],
        "iob_doc_acc": tokens["iob_doc_acc"],
    }


def _confusions(
    docs: Sequence[Doc], pairs: Sequence[tuple[list[Entity], list[Entity]]]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str, str]]]:
    cells: Counter[tuple[str, str]] = Counter()
    strings: Counter[tuple[str, str, str]] = Counter()
    for doc, (gold, predicted) in zip(docs, pairs, strict=True):
        sides = [{entity[1:]: entity.label for entity in side} for side in (gold, predicted)]
        for start, end in sides[0].keys() | sides[1].keys():
            wanted, found = sides[0].get((start, end), SPURIOUS), sides[1].get((start, end), MISSED)
            cells[wanted, found] += 1
            if wanted != found:
                strings[doc[start:end].text, wanted, found] += 1
    return cells, strings
