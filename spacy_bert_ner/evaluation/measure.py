"""A pipeline on held-out examples: what it finds, and all that is measured of that."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpus.readers.docbin import read_docs
from ..errors import BertNerError, Errors
from ..types import Entity, Prediction
from ..util.doc_entities import entity_score
from ..util.pipelines import complete_entity_labels, running
from .bootstrap import count_entities, prf, score
from .calibration_curves import Scored, confidence
from .label_scope import LabelScope, scope_of
from .matching import KINDS, SCHEMAS, Mistake, count_matches, mistakes
from .scorer import score_bert_ner
from .slices import slices

_MOST_STRINGS = 30
_Cell = tuple[str | None, str | None]
"""A gold and a predicted label; None where there is no entity."""


class GoldDoc(NamedTuple):
    """A Doc that is annotated with entities, and where it is from.

    file: its name.
    number (int): of the Doc in the file, from 1.
    """

    file: str
    number: int
    doc: Doc


@dataclass(frozen=True)
class PipelineOutput:
    """What a pipeline found, on the tokens of the gold Docs; entities on tokens without annotation are left out.

    origins: the gold Docs, and where they are from.
    examples: predicted and gold Docs.
    gold: the entities of each Doc, in the order of the text.
    scored: the predicted ones, with the score that `bert_ner` gave them, if it did. Where the pipeline cuts a gold
        token, several may be on it.
    seconds (float): that the pipeline took.
    labels: those that its components can give; none where one of them does not tell.
    scope: the names of gold labels in this pipeline; the gold Docs have them already.
    """

    origins: list[GoldDoc]
    examples: list[Example]
    gold: list[list[Entity]]
    scored: list[list[Prediction]]
    seconds: float
    labels: frozenset[str]
    scope: LabelScope

    @cached_property
    def docs(self) -> list[Doc]:
        """The gold Docs."""
        return [one.doc for one in self.origins]

    @cached_property
    def predicted(self) -> list[list[Entity]]:
        """The predicted entities of each Doc, in the order of the text."""
        return [[Entity(*one[:3]) for one in doc] for doc in self.scored]

    @cached_property
    def mistakes(self) -> list[list[Mistake]]:
        """What went wrong in each Doc, in the order of the text."""
        return [mistakes(*pair) for pair in zip(self.gold, self.predicted, strict=True)]


def read_gold(path: Path, vocab: Vocab) -> Iterator[GoldDoc]:
    """The Docs of a `.spacy` file that are annotated with entities and not empty.

    RAISES BertNerError: there is no such file, or it is damaged.
    """
    if not path.exists():
        raise BertNerError(Errors.no_such_file.format(path=path))
    yield from (GoldDoc(path.name, n, doc) for n, doc in read_docs(path, vocab) if doc.has_annotation("ENT_IOB"))


def run_pipeline(nlp: Language, data: Path, name: str = "") -> PipelineOutput:
    """Run a pipeline, of whatever components, on the raw text of a `.spacy` file.

    name (str): of the pipeline, for errors.
    RAISES BertNerError: there is no such file, it is damaged, has no Doc that is annotated with entities, or a text
        that is longer than the pipeline takes; or a component fails.
    """
    origins = list(read_gold(data, nlp.vocab))
    if not origins:
        raise BertNerError(Errors.no_gold.format(data=data))
    plain = [_plain(nlp, one) for one in origins]
    with running(name):
        nlp(_plain(nlp, origins[0]))  # what is done once, as packing weights, is no part of the speed
        start = time.perf_counter()
        docs = list(nlp.pipe(plain))
        seconds = time.perf_counter() - start
    scope = scope_of(nlp)  # once weights are loaded, which tell the labels
    docs = [scope.filter_predicted(doc) for doc in docs]
    origins = [one._replace(doc=scope.rename_gold(one.doc)) for one in origins]
    examples = [Example(doc, one.doc) for doc, one in zip(docs, origins, strict=True)]
    gold = [[Entity(ent.label_, ent.start, ent.end) for ent in one.doc.ents] for one in origins]
    return PipelineOutput(
        origins, examples, gold, [_predicted(eg) for eg in examples], seconds, complete_entity_labels(nlp), scope
    )


def _plain(nlp: Language, gold: GoldDoc) -> Doc:
    """As spaCy's own corpus has it: tokenized anew, unless it is not known where spaces are."""
    doc = gold.doc
    if doc.has_unknown_spaces:
        return Doc(nlp.vocab, words=[token.text for token in doc])
    if len(doc.text) > nlp.max_length:
        lengths = {"n": len(doc.text), "most": nlp.max_length}
        raise BertNerError(Errors.text_too_long.format(file=gold.file, number=gold.number, **lengths))
    return nlp.make_doc(doc.text)


def _predicted(eg: Example) -> list[Prediction]:
    known = [token.ent_iob != 0 for token in eg.reference]
    entities = []
    for ent in eg.predicted.ents:
        # As spaCy's scorer has it: on the gold tokens from the first to the last that it touches.
        places = eg.alignment.x2y[ent.start : ent.end]
        if len(places) and all(known[int(places[0]) : int(places[-1]) + 1]):
            entities.append(Prediction(ent.label_, int(places[0]), int(places[-1]) + 1, entity_score(ent)))
    return sorted(entities, key=lambda entity: entity[1:3])


def compute_metrics(
    found: PipelineOutput,
    seed: int = 0,
    *,
    known: Mapping[str, Mapping[str, int]] | None = None,
    wanted_precision: float = 0.9,
) -> dict[str, Any]:
    """What is written of one pipeline.

    known: the entities of the training data, see `slices.known_entities`; None where it is not at hand.
    wanted_precision: that the thresholds which are told give, from 0 to 1.
    RETURNS: `scores`, see `bootstrap.score`; `schemas` and `mistakes`, see `matches`; `confusion`, the numbers of pairs
        of gold and predicted labels of entities with the same boundaries, where the other side of an entity that is
        missed, or spurious, is None; `strings`, the most frequent of those pairs that are no match, with the text;
        `slices`, see `slices.slices`; `confidence`, see `calibration_curves.confidence`; token accuracies as the scorer
        of the component has them; `unknown_labels`, gold ones that the pipeline never gives; `n_docs`, `n_words`, and
        `words_per_second`, without what is done on the first text alone.
    """
    docs, predicted = found.docs, found.predicted
    if known is not None and found.scope:
        known = found.scope.rename_counts(known)
    pairs = list(zip(found.gold, predicted, strict=True))
    n_gold, n_predicted = sum(map(len, found.gold)), sum(map(len, predicted))
    schemas: dict[str, Any] = {}
    for schema in SCHEMAS:
        n: Counter[str] = sum((count_matches(*pair, schema) for pair in pairs), Counter())
        right = n["correct"] + n["partial"] / 2
        outcomes = ("correct", "incorrect", "partial", "missed", "spurious")
        schemas[schema] = prf(right, n_predicted, n_gold) | {key: n[key] for key in outcomes}
    kinds = Counter(mistake.kind for doc in found.mistakes for mistake in doc)
    cells, strings = _confusions(found)
    frequent = sorted(strings.items(), key=lambda item: (-item[1], _names(item)))
    n_words = sum(len(eg.predicted) for eg in found.examples)
    tokens = score_bert_ner(found.examples)
    labels = Counter(entity.label for doc in found.gold for entity in doc)
    given = {entity.label for doc in predicted for entity in doc}
    return {
        "n_docs": len(docs),
        "n_words": n_words,
        "words_per_second": n_words / found.seconds,
        "scores": score(count_entities(found.gold, predicted), seed=seed),
        "schemas": schemas,
        "mistakes": {kind: kinds[kind] for kind in KINDS},
        "confusion": [
            {"gold": gold, "predicted": other, "n": n} for (gold, other), n in sorted(cells.items(), key=_names)
        ],
        "strings": [
            {"text": text, "gold": gold, "predicted": other, "n": n}
            for (text, gold, other), n in frequent[:_MOST_STRINGS]
        ],
        "slices": slices(docs, found.gold, predicted, known, seed),
        "confidence": confidence(_scored(found), labels, wanted_precision),
        "unknown_labels": sorted(labels.keys() - found.labels - given) if found.labels else [],
        "iob_acc": tokens["iob_acc"],
        "iob_doc_acc": tokens["iob_doc_acc"],
    }


def _scored(found: PipelineOutput) -> list[Scored]:
    """The predicted entities with a score. A gold entity is found once: by the first that is it."""
    scored = []
    for wanted, doc in zip(map(set, found.gold), found.scored, strict=True):
        for one in doc:
            entity = Entity(*one[:3])
            if one.score is not None:
                scored.append(Scored(one.label, one.score, entity in wanted))
            wanted.discard(entity)
    return scored


def _names(item: tuple[tuple[str | None, ...], int]) -> list[str]:
    """What cells are sorted by: entities that there are not on one side come first."""
    return [name or "" for name in item[0]]


def _confusions(found: PipelineOutput) -> tuple[Counter[_Cell], Counter[tuple[str, str | None, str | None]]]:
    cells: Counter[_Cell] = Counter()
    strings: Counter[tuple[str, str | None, str | None]] = Counter()
    for doc, gold, predicted in zip(found.docs, found.gold, found.predicted, strict=True):
        left: dict[tuple[int, int], str] = {entity[1:]: entity.label for entity in gold}
        right = {*gold} & {*predicted}
        pairs: list[tuple[tuple[int, int], str | None, str | None]] = []
        # What is right stands for its gold entity; of others on the same tokens the first.
        for entity in sorted(predicted, key=lambda entity: entity not in right):
            pairs.append((entity[1:], left.pop(entity[1:], None), entity.label))
        pairs += [(place, label, None) for place, label in left.items()]
        for (start, end), wanted, other in pairs:
            cells[wanted, other] += 1
            if wanted != other:
                strings[doc[start:end].text, wanted, other] += 1
    return cells, strings
