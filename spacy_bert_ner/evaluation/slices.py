"""Score entities in slices by length, training-data frequency, letter case and position in the sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ..types import Entity
from .bootstrap import count_entities, score

LENGTHS = ("1", "2", "3", "4", "5 or more")
SENTENCES = ("1 to 10", "11 to 20", "21 to 30", "31 to 50", "51 or more")
TIMES = ("0", "1", "2 to 5", "6 to 20", "21 or more")
SEEN = ("with this label", "with others only", "never")
CASES = ("Like This", "like this", "LIKE THIS", "otherwise", "without case")
PLACES = ("first token", "first half", "second half")

Slice = tuple[str, tuple[str, ...], Callable[["EntityContext"], str]]


class EntityContext(NamedTuple):
    """The properties of an entity and its sentence that determine its slices.

    label (str): entity label.
    text (str): text of the entity.
    first, last (int): indices of its first and last tokens in the sentence.
    n_tokens (int): number of tokens in the sentence, or in the Doc if it has no sentences.
    known: number of entities with this text in the training data, by label.
    """

    label: str
    text: str
    first: int
    last: int
    n_tokens: int
    known: Mapping[str, int]


def known_entities(docs: Iterable[Doc]) -> dict[str, Counter[str]]:
    """Count the entities in training data by text and label, for example `{"Paris": {"geo": 3}}`."""
    counts: dict[str, Counter[str]] = {}
    for doc in docs:
        for ent in doc.ents:
            counts.setdefault(ent.text, Counter())[ent.label_] += 1
    return counts


def label_examples(known: Mapping[str, Mapping[str, int]], limit: int = 5) -> dict[str, list[str]]:
    """Return the most frequent entities for each label.

    known: entity counts; see `known_entities`.
    limit (int): maximum number of entities for each label. Default: 5.
    RETURNS: entity texts by label, in descending order of frequency.
    """
    ranked: dict[str, list[tuple[int, str]]] = {}
    for text, counts in known.items():
        for label, n in counts.items():
            ranked.setdefault(label, []).append((-n, text))
    return {label: [text for _, text in sorted(rows)[:limit]] for label, rows in sorted(ranked.items())}


def slices(
    docs: Sequence[Doc],
    gold: Sequence[Sequence[Entity]],
    predicted: Sequence[Sequence[Entity]],
    known: Mapping[str, Mapping[str, int]] | None,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Score the entities in each slice. Each gold or predicted entity is assigned to slices by its own properties.

    docs: gold Docs.
    gold, predicted: gold and predicted entities in each Doc.
    known: entities in the training data; see `known_entities`. None omits the slices that depend on it.
    seed (int): seed for the bootstrap. Default: 0.
    RETURNS: scores by property and slice in a fixed order. Their format is the same as for a label in
        `bootstrap.score`. Slices without entities are omitted.
    """
    properties = _properties(known)
    slices_by_doc = [
        entity_slices(doc, {*gold_entities, *entities}, known)
        for doc, gold_entities, entities in zip(docs, gold, predicted, strict=True)
    ]
    counts = count_entities(gold, predicted, kinds=lambda i, entity: slices_by_doc[i][entity])
    rows = score(counts, seed=seed)["per_label"]
    return {
        title: {name: rows[title, name] for name in names if (title, name) in rows} for title, names, _ in properties
    }


def entity_slices(
    doc: Doc, entities: Iterable[Entity], known: Mapping[str, Mapping[str, int]] | None
) -> dict[Entity, list[tuple[str, str]]]:
    """Return the property and slice names for each entity in a Doc. See `slices` for the arguments."""
    properties = _properties(known)
    return {
        entity: [(title, choose(context)) for title, _, choose in properties]
        for entity, context in _contexts(doc, set(entities), known or {}).items()
    }


def _properties(known: Mapping[str, Mapping[str, int]] | None) -> list[Slice]:
    return [*_SLICES, *(_TRAINING_SLICES if known is not None else ())]


def _contexts(doc: Doc, entities: set[Entity], known: Mapping[str, Mapping[str, int]]) -> dict[Entity, EntityContext]:
    bounds = [(0, len(doc))] * len(doc)
    if doc.has_annotation("SENT_START"):
        bounds = [(sent.start, sent.end) for sent in doc.sents for _ in sent]
    contexts = {}
    for entity in entities:
        start, end = bounds[entity.start]
        text = doc[entity.start : entity.end].text
        contexts[entity] = EntityContext(
            entity.label, text, entity.start - start, entity.end - 1 - start, end - start, known.get(text, {})
        )
    return contexts


def _range(value: int, names: tuple[str, ...]) -> str:
    """Return the name of the range that contains a number, for example `2 to 5` or `21 or more`."""
    return next(name for name in reversed(names) if value >= int(name.split()[0]))


def _case(entity: EntityContext) -> str:
    text = entity.text
    words = [word for word in text.split() if word.upper() != word.lower()]
    if not words:
        return "without case"
    if text.islower():
        return "like this"
    if text.isupper() and len(text) > 1:
        return "LIKE THIS"
    is_title = all(word[0].isupper() and not word[1:].isupper() for word in words if word[0].isalpha())
    return "Like This" if is_title and not text[0].islower() else "otherwise"


def _position(entity: EntityContext) -> str:
    if entity.first == 0:
        return "first token"
    return "first half" if entity.first + entity.last < entity.n_tokens - 1 else "second half"


def _seen(entity: EntityContext) -> str:
    if not entity.known:
        return "never"
    return "with this label" if entity.label in entity.known else "with others only"


_SLICES: list[Slice] = [
    ("tokens of the entity", LENGTHS, lambda entity: _range(entity.last - entity.first + 1, LENGTHS)),
    ("tokens of the sentence", SENTENCES, lambda entity: _range(entity.n_tokens, SENTENCES)),
    ("place in the sentence", PLACES, _position),
    ("letters", CASES, _case),
]
_TRAINING_SLICES: list[Slice] = [
    ("seen in training", SEEN, _seen),
    ("times in training", TIMES, lambda entity: _range(sum(entity.known.values()), TIMES)),
]
