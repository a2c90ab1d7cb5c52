"""Scores of kinds of entities: by length, by how often training has shown them, by case, by place."""

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
    """An entity where it stands.

    text: its characters.
    first, last (int): its tokens, both included, counted from the beginning of the sentence.
    n_tokens (int): of the sentence, or of the Doc where no sentences are set.
    known: how often training data has its string, by label.
    """

    label: str
    text: str
    first: int
    last: int
    n_tokens: int
    known: Mapping[str, int]


def known_entities(docs: Iterable[Doc]) -> dict[str, Counter[str]]:
    """How often strings are entities of training data, by label: `{"Paris": {"geo": 3}}`."""
    found: dict[str, Counter[str]] = {}
    for doc in docs:
        for ent in doc.ents:
            found.setdefault(ent.text, Counter())[ent.label_] += 1
    return found


def examples(known: Mapping[str, Mapping[str, int]], most: int = 5) -> dict[str, list[str]]:
    """The most frequent strings of each label, as `known_entities` has counted them."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for text, counts in known.items():
        for label, n in counts.items():
            ranked.setdefault(label, []).append((-n, text))
    return {label: [text for _, text in sorted(rows)[:most]] for label, rows in sorted(ranked.items())}


def slices(
    docs: Sequence[Doc],
    gold: Sequence[Sequence[Entity]],
    predicted: Sequence[Sequence[Entity]],
    known: Mapping[str, Mapping[str, int]] | None,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Score the entities of each slice. Gold and predicted ones are in the slice that they themselves belong to.

    docs: gold Docs.
    gold, predicted: the entities of each.
    known: those of the training data; None where it is not at hand, so that the slices by it are not there.
    RETURNS: by name of the slices and name of the slice, in their order, what `bootstrap.score` says of a label; slices
        without entities are left out.
    """
    choices = [*_SLICES, *(_OF_TRAINING if known is not None else ())]
    of_docs = [
        {
            entity: [(title, choose(place)) for title, _, choose in choices]
            for entity, place in _places(doc, {*wanted, *found}, known or {}).items()
        }
        for doc, wanted, found in zip(docs, gold, predicted, strict=True)
    ]
    counts = count_entities(gold, predicted, kinds=lambda i, entity: of_docs[i][entity])
    rows = score(counts, seed=seed)["per_label"]
    return {title: {name: rows[title, name] for name in names if (title, name) in rows} for title, names, _ in choices}


def _places(doc: Doc, entities: set[Entity], known: Mapping[str, Mapping[str, int]]) -> dict[Entity, EntityContext]:
    bounds = [(0, len(doc))] * len(doc)
    if doc.has_annotation("SENT_START"):
        bounds = [(sent.start, sent.end) for sent in doc.sents for _ in sent]
    found = {}
    for entity in entities:
        start, end = bounds[entity.start]
        text = doc[entity.start : entity.end].text
        found[entity] = EntityContext(
            entity.label, text, entity.start - start, entity.end - 1 - start, end - start, known.get(text, {})
        )
    return found


def _range(value: int, names: tuple[str, ...]) -> str:
    """The name whose range holds a number: `2 to 5`, `21 or more`."""
    return next(name for name in reversed(names) if value >= int(name.split()[0]))


def _case(place: EntityContext) -> str:
    text = place.text
    words = [word for word in text.split() if word.upper() != word.lower()]
    if not words:
        return "without case"
    if text.islower():
        return "like this"
    if text.isupper() and len(text) > 1:
        return "LIKE THIS"
    is_title = all(word[0].isupper() and not word[1:].isupper() for word in words if word[0].isalpha())
    return "Like This" if is_title and not text[0].islower() else "otherwise"


def _position(place: EntityContext) -> str:
    if place.first == 0:
        return "first token"
    return "first half" if place.first + place.last < place.n_tokens - 1 else "second half"


def _seen(place: EntityContext) -> str:
    if not place.known:
        return "never"
    return "with this label" if place.label in place.known else "with others only"


_SLICES: list[Slice] = [
    ("tokens of the entity", LENGTHS, lambda place: _range(place.last - place.first + 1, LENGTHS)),
    ("tokens of the sentence", SENTENCES, lambda place: _range(place.n_tokens, SENTENCES)),
    ("place in the sentence", PLACES, _position),
    ("letters", CASES, _case),
]
_OF_TRAINING: list[Slice] = [
    ("seen in training", SEEN, _seen),
    ("times in training", TIMES, lambda place: _range(sum(place.known.values()), TIMES)),
]
