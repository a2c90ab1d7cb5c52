from collections.abc import Iterator
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_sets import n_illegal

from spacy_bert_ner.decoding.tag_scheme import (
    PREFIXES,
    UNKNOWN,
    TagSet,
    build_tag_set,
    check_labels,
    infer_scheme,
    split_tag,
    tags_of_labels,
    to_iob2,
)
from spacy_bert_ner.decoding.transitions import CONTINUES, FORBIDDEN, NEW, ROLES, TABLES, transition_table
from spacy_bert_ner.errors import TagError

Entities = list[tuple[str, int, int]]
ALL = [*PREFIXES, "IOB", "IOE"]
WHOLE = {"BILUO": "ILU", "IOBES": "IES", "BMES": "MES", "BMEWO": "MEW"}
"""Schemes that mark both ends of an entity, with their prefixes for the inside, the end, and single-token entities."""


def spell(entities: Entities, n: int, scheme: str) -> list[str]:
    """Return the tags for `n` tokens according to the definitions of the schemes, entity by entity."""
    tags = ["O"] * n
    for label, start, end in entities:
        before = any(e[0] == label and e[2] == start for e in entities)
        after = any(e[0] == label and e[1] == end for e in entities)
        prefixes = ["I"] * (end - start)
        if scheme in ("IOB2", "IOB") or (scheme == "IOB1" and before):
            prefixes[0] = "B"
        if scheme in ("IOE2", "IOE") or (scheme == "IOE1" and after):
            prefixes[-1] = "E"
        if scheme in WHOLE:
            inside, last, alone = WHOLE[scheme]
            prefixes = ["B", *[inside] * (end - start - 2), last] if end - start > 1 else [alone]
        tags[start:end] = [label if scheme == "plain" else f"{prefix}-{label}" for prefix in prefixes]
    return tags


def every_annotation(n: int, labels: tuple[str, ...], start: int = 0) -> Iterator[Entities]:
    """Yield all lists of entities that `n` tokens can have."""
    if start >= n:
        yield []
        return
    yield from every_annotation(n, labels, start + 1)
    for label, end in product(labels, range(start + 1, n + 1)):
        for rest in every_annotation(n, labels, end):
            yield [(label, start, end), *rest]


def merged(entities: Entities) -> Entities:
    """Merge adjacent entities with the same label, which plain labels cannot separate."""
    found: Entities = []
    for label, start, end in entities:
        if found and found[-1][0] == label and found[-1][2] == start:
            start = found.pop()[1]
        found.append((label, start, end))
    return found


def ids(known: TagSet, tags: str) -> np.ndarray:
    return np.array([known.tags.index(tag) for tag in tags.split()], dtype=np.int64)


def encoded(known: TagSet, biluo: str) -> str:
    return " ".join("?" if i == UNKNOWN else known.tags[i] for i in known.encode(biluo.split()))


# Strings


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("O", ("O", "")),
        ("B-creative-work", ("B", "creative-work")),
        ("S-B-cell", ("S", "B-cell")),
        ("I--", ("I", "-")),
        *((f"{prefix}-per", (prefix, "per")) for prefix in "BILUESMW"),
    ],
)
def test_a_tag_is_a_prefix_and_a_label_that_may_hold_hyphens(tag, parts):
    assert split_tag(tag) == parts


@pytest.mark.parametrize("tag", ["", "per", "X-per", "B-", "B", "o", "-per", "b-per", "BI-per", "O-per", "B_per"])
def test_what_has_no_prefix_cannot_be_split(tag):
    with pytest.raises(
        TagError,
        match=f"^The tag '{tag}' does not begin with a tag scheme prefix. Allowed: O, or one of the prefixes B-, I-, ",
    ):
        split_tag(tag)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("O B-per I-per", "IOB"),
        ("B-per I-geo", "IOB"),
        ("O B-per", "IOB2"),
        ("I-per O", "IOB1"),
        ("O I-per E-per", "IOE"),
        ("O E-per", "IOE"),
        ("O B-per I-per L-per U-per", "BILUO"),
        ("U-per O", "BILUO"),
        ("O B-per L-per", "BILUO"),
        ("O B-per I-per E-per S-per", "IOBES"),
        ("O B-per E-per", "IOBES"),
        ("O S-per", "IOBES"),
        ("O I-per S-geo", "IOBES"),
        ("O B-per M-per E-per S-per", "BMES"),
        ("B-per M-per", "BMES"),
        ("M-per E-per O", "BMES"),
        ("O S-per B-geo M-geo E-geo", "BMES"),
        ("O B-per M-per E-per W-per", "BMEWO"),
        ("O W-per", "BMEWO"),
        ("W-per B-geo E-geo", "BMEWO"),
        ("O per geo", "plain"),
        ("O LABEL_1", "plain"),
        ("per O B- X-per", "plain"),
        ("O vitamin-B per", "plain"),
        ("O B-creative-work I-creative-work", "IOB"),
        ("O creative-work", "plain"),
    ],
)
def test_a_set_of_tags_tells_its_scheme(tags, scheme):
    assert infer_scheme(tags.split()) == scheme
    assert build_tag_set(tuple(tags.split())).scheme == scheme


@pytest.mark.parametrize(
    "tags",
    [
        "",
        "O",
        "LABEL_0 LABEL_1",
        "O L-per E-per",
        "O U-per S-per",
        "O I-per M-per",
        "O S-per W-per",
        "O M-per U-per",
        "O W_per M_per",
        "O B M",
        "O B_per I_per",
        "O b-per i-per",
        "per-B per-I O",
        "O B:per M:per",
        "O B I",
        "O B_per I_per MISC",
    ],
)
def test_a_set_of_tags_of_no_scheme_is_refused(tags):
    with pytest.raises(TagError) as error:
        infer_scheme(tags.split())
    assert str(error.value).startswith(
        f"These tags do not form a tag scheme: {', '.join(tags.split())}. Allowed: O with tags "
    )
    schemes = "The schemes are IOB1, IOB2, IOE1, IOE2, BILUO, IOBES, BMES, BMEWO, plain. "
    assert f'{schemes}If every tag except O is a label, set tag_scheme = "plain".' in str(error.value)


@pytest.mark.parametrize(
    ("tags", "stray"),
    [
        ("O B-per per", "per"),
        ("B-per I-per LABEL_2", "LABEL_2"),
        ("O B-per B_geo", "B_geo"),
        ("O B-per X [CLS]", "X, [CLS]"),
    ],
)
def test_tags_without_prefixes_beside_others_are_named(tags, stray):
    with pytest.raises(TagError) as error:
        infer_scheme(tags.split())
    assert str(error.value).startswith(
        f"These tags do not form a tag scheme: {', '.join(tags.split())}. These tags have no prefix: {stray}. Allowed"
    )
    assert "If the tags without a prefix do not mark entities, map them to O: [components.<name>." in str(error.value)


def test_two_tags_may_be_outside():
    known = build_tag_set(("O", "O", "B-per", "I-per"))
    assert known.entities(np.array([0, 2, 1, 2, 3, 0])) == [("per", 1, 2), ("per", 3, 5)]
    assert known.encode(["O", "U-per"]).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("per", r"""labels = 'per' is invalid. Allowed: a list, even for one label: labels = \["per"\]"""),
        (["", "per"], r"""'' is not a valid label. Allowed: a non-empty name other than O, such as "per"."""),
        (["per", "O"], "'O' is not a valid label."),
        ([" "], "' ' is not a valid label."),
        ([None], "None is not a valid label."),
    ],
)
def test_what_is_no_label(labels, message):
    with pytest.raises(TagError, match=message):
        check_labels(labels)


def test_labels_may_hold_hyphens_and_spaces():
    assert check_labels(["creative-work", "work of art", "per"]) == {"creative-work", "work of art", "per"}


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB1", "O B-art I-art B-per I-per"),
        ("IOB2", "O B-art I-art B-per I-per"),
        ("IOB", "O B-art I-art B-per I-per"),
        ("IOE1", "O I-art E-art I-per E-per"),
        ("IOE2", "O I-art E-art I-per E-per"),
        ("IOE", "O I-art E-art I-per E-per"),
        ("BILUO", "O B-art I-art L-art U-art B-per I-per L-per U-per"),
        ("IOBES", "O B-art I-art E-art S-art B-per I-per E-per S-per"),
        ("BMES", "O B-art M-art E-art S-art B-per M-per E-per S-per"),
        ("BMEWO", "O B-art M-art E-art W-art B-per M-per E-per W-per"),
        ("plain", "O art per"),
    ],
)
def test_the_tags_of_labels_begin_with_o_and_are_sorted(scheme, tags):
    assert " ".join(tags_of_labels(["per", "art", "per"], scheme)) == tags


def test_a_new_head_has_iob2():
    assert tags_of_labels(["per"]) == ("O", "B-per", "I-per")


# Tag sets


@pytest.mark.parametrize(
    ("tags", "scheme", "strange", "allowed"),
    [
        ("O B-per E-per", "IOB2", "E-per", "O, B-<label>, I-<label>"),
        ("O B-per I-per", "IOE1", "B-per", "O, I-<label>, E-<label>"),
        ("O per B-per", "BILUO", "per", "O, B-<label>, I-<label>, L-<label>, U-<label>"),
        ("O L-per U-per", "IOBES", "L-per, U-per", "O, B-<label>, I-<label>, E-<label>, S-<label>"),
        ("O I-per W-per", "BMES", "I-per, W-per", "O, B-<label>, M-<label>, E-<label>, S-<label>"),
        ("O", "IOB1", "O", "O, B-<label>, I-<label>"),
    ],
)
def test_tags_that_do_not_fit_the_named_scheme_are_refused(tags, scheme, strange, allowed):
    with pytest.raises(TagError) as error:
        build_tag_set(tuple(tags.split()), scheme)
    assert str(error.value) == (
        f"The tags {strange} do not belong to the scheme {scheme}. Allowed: {allowed}. Correct the tags, or set "
        "another scheme."
    )


def test_labels_and_their_ids_are_in_the_order_of_the_labels():
    known = build_tag_set(("B-per", "O", "I-geo", "I-per", "B-geo"))
    assert known.labels == ("geo", "per")
    assert known.label_ids.tolist() == [2, 0, 1, 2, 1]


def test_what_looks_like_a_prefix_is_part_of_a_plain_label():
    known = build_tag_set(("O", "B-cell", "T-cell"), "plain")
    assert known.labels == ("B-cell", "T-cell")
    assert known.entities(ids(known, "B-cell B-cell T-cell")) == [("B-cell", 0, 2), ("T-cell", 2, 3)]


# Definitions of the schemes, as in the table in the module's docstring


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB1", "I-per I-per I-per O I-per B-per"),
        ("IOB2", "B-per I-per I-per O B-per B-per"),
        ("IOB", "B-per I-per I-per O B-per B-per"),
        ("IOE1", "I-per I-per I-per O E-per I-per"),
        ("IOE2", "I-per I-per E-per O E-per E-per"),
        ("IOE", "I-per I-per E-per O E-per E-per"),
        ("BILUO", "B-per I-per L-per O U-per U-per"),
        ("IOBES", "B-per I-per E-per O S-per S-per"),
        ("BMES", "B-per M-per E-per O S-per S-per"),
        ("BMEWO", "B-per M-per E-per O W-per W-per"),
    ],
)
def test_every_scheme_spells_the_same_entities(scheme, tags):
    known = build_tag_set(tags_of_labels(["geo", "per"], scheme), scheme)
    assert encoded(known, "B-per I-per L-per O U-per U-per") == tags
    assert n_illegal(known, ids(known, tags)) == 0
    assert known.entities(ids(known, tags)) == [("per", 0, 3), ("per", 4, 5), ("per", 5, 6)]
    assert to_iob2(tags.split(), scheme) == (["B-per", "I-per", "I-per", "O", "B-per", "B-per"], 0)


def test_plain_labels_that_touch_are_one_entity():
    known = build_tag_set(("O", "geo", "per"))
    assert encoded(known, "B-per I-per L-per O U-per U-per U-geo") == "per per per O per per geo"
    assert known.entities(ids(known, "per per per O per per geo")) == [("per", 0, 3), ("per", 4, 6), ("geo", 6, 7)]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB1", "I-per I-geo I-geo B-geo"),
        ("IOE1", "I-per I-geo E-geo I-geo"),
        ("IOE2", "E-per I-geo E-geo E-geo"),
    ],
)
def test_only_an_entity_of_the_same_label_counts_as_touching(scheme, tags):
    known = build_tag_set(tags_of_labels(["geo", "per"], scheme), scheme)
    assert encoded(known, "U-per B-geo L-geo U-geo") == tags


# Encoding


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O B-per I-per L-per", "B-per O B-per I-per L-per"),  # without `U-`
        ("O I-per L-per U-per", "U-per O I-per I-per L-per"),
        ("O B-per L-per U-per", "U-per O B-per L-per L-per"),
        ("O B-per I-per U-per", "U-per O B-per I-per I-per"),
        ("O I-per L-per", "L-per O I-per I-per L-per"),
        ("O L-per U-per", "U-per O U-per L-per L-per"),
        ("O U-per", "U-per O U-per U-per U-per"),
        ("O I-per", "I-per O I-per I-per I-per"),
        ("O B-per", "B-per O B-per B-per B-per"),
        ("O E-per", "E-per O E-per E-per E-per"),
        ("O I-per E-per S-per", "S-per O I-per I-per E-per"),
        ("O B-per M-per", "B-per O B-per M-per M-per"),
        ("O M-per E-per W-per", "W-per O M-per M-per E-per"),
    ],
)
def test_the_nearest_tag_stands_in_for_one_that_is_missing(tags, expected):
    assert encoded(build_tag_set(tuple(tags.split())), "U-per O B-per I-per L-per") == expected


def test_tokens_without_annotation_are_unknown_and_blocked_ones_outside():
    known = build_tag_set(("B-per", "I-per", "O"))
    tag_ids = known.encode(["B-per", "L-per", None, "-", "O", "B-", "I-", "L-", "U-", "U-per"])
    assert tag_ids.dtype == np.int64
    assert tag_ids.tolist() == [0, 1, UNKNOWN, UNKNOWN, 2, 2, 2, 2, 2, 0]


def test_nothing_touches_across_tokens_without_annotation():
    known = build_tag_set(("O", "B-per", "I-per"), "IOB1")
    assert [known.tags[i] for i in known.encode(["U-per", None, "U-per"]) if i >= 0] == ["I-per", "I-per"]


def test_a_head_without_o_learns_nothing_from_outside():
    assert build_tag_set(("B-per", "I-per")).encode(["U-per", "O"]).tolist() == [0, UNKNOWN]


def test_labels_with_hyphens_are_encoded():
    assert encoded(build_tag_set(("O", "B-a-b", "I-a-b")), "B-a-b L-a-b O") == "B-a-b I-a-b O"


@pytest.mark.parametrize("scheme", ALL)
def test_an_unknown_label_is_refused_by_its_name(scheme):
    with pytest.raises(TagError, match="^creative-work$"):
        build_tag_set(tags_of_labels(["per"], scheme), scheme).encode(["U-per", "U-creative-work"])


# Decoding


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("", []),
        ("O O", []),
        ("B-geo I-geo O B-per", [("geo", 0, 2), ("per", 3, 4)]),
        ("B-per B-per I-per", [("per", 0, 1), ("per", 1, 3)]),
        ("I-geo I-geo I-per", [("geo", 0, 2), ("per", 2, 3)]),
        ("B-geo I-per I-geo", [("geo", 0, 1), ("per", 1, 2), ("geo", 2, 3)]),
    ],
)
def test_a_tag_that_continues_nothing_begins_an_entity(tags, entities):
    known = build_tag_set(("O", "B-geo", "I-geo", "B-per", "I-per"))
    assert known.entities(ids(known, tags)) == entities


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("I-per L-per L-per", [("per", 0, 2), ("per", 2, 3)]),
        ("U-per I-per O", [("per", 0, 1), ("per", 1, 2)]),
        ("B-per B-per U-per L-per", [("per", 0, 1), ("per", 1, 2), ("per", 2, 3), ("per", 3, 4)]),
        ("B-per L-geo", [("per", 0, 1), ("geo", 1, 2)]),
    ],
)
def test_illegal_biluo_loses_no_token(tags, entities):
    known = build_tag_set(tags_of_labels(["geo", "per"], "BILUO"))
    assert known.entities(ids(known, tags)) == entities


def test_no_entity_goes_on_across_a_beginning():
    known = build_tag_set(("O", "B-per", "I-per"))
    tag_ids = ids(known, "B-per I-per I-per O O B-per")
    assert known.entities(tag_ids, np.array([1, 0, 0, 0, 0, 0], dtype=bool)) == [("per", 0, 3), ("per", 5, 6)]
    assert known.entities(tag_ids, np.array([0, 0, 1, 0, 1, 1], dtype=bool)) == [
        ("per", 0, 2),
        ("per", 2, 3),
        ("per", 5, 6),
    ]


@pytest.mark.parametrize(
    ("scheme", "tags", "n"),
    [
        ("IOB2", "", 0),
        ("IOB2", "I-per I-per O I-geo I-per", 3),
        ("IOB1", "I-per I-per O I-geo I-per", 0),
        ("IOB1", "B-per O B-per I-per B-geo", 3),
        ("IOB", "B-per B-per O I-per I-geo", 1),
        ("IOE1", "E-per O E-per E-geo", 3),
        ("IOE2", "I-per O I-per I-geo", 3),
        ("IOE", "I-per O E-per I-geo", 0),
        ("BILUO", "I-per O B-per O U-per L-per", 4),
        ("IOBES", "I-per B-per E-per B-geo", 3),
        ("BMES", "M-per B-per E-per B-geo", 3),
        ("BMEWO", "B-per W-per M-per O", 3),
        ("plain", "per geo per O", 0),
    ],
)
def test_every_break_of_the_rules_counts(scheme, tags, n):
    known = build_tag_set(tags_of_labels(["geo", "per"], scheme), scheme)
    assert n_illegal(known, ids(known, tags)) == n


def test_without_o_everything_is_legal():
    known = build_tag_set(("B-per", "I-per", "L-per", "U-per"))
    assert (known.may_begin.all(), known.may_follow.all(), known.may_end.all()) == (True, True, True)


# Conversion to IOB2


@pytest.mark.parametrize(
    ("scheme", "tags", "iob2", "n_repaired"),
    [
        ("IOB2", "O I-per I-per I-geo", "O B-per I-per B-geo", 2),
        ("IOB1", "O I-per I-per I-geo", "O B-per I-per B-geo", 0),
        ("IOE2", "I-per E-per I-per O", "B-per I-per B-per O", 1),
        ("BILUO", "U-a-b B-a-b O L-a-b", "B-a-b B-a-b O B-a-b", 2),
        ("BMES", "M-a-b E-a-b O S-a-b B-a-b", "B-a-b I-a-b O B-a-b B-a-b", 2),
        ("plain", "per per O B-per", "B-per I-per O B-B-per", 0),
    ],
)
def test_iob2_keeps_every_entity_and_repairs_are_counted(scheme, tags, iob2, n_repaired):
    assert to_iob2(tags.split(), scheme) == (iob2.split(), n_repaired)


@pytest.mark.parametrize(
    ("scheme", "tags", "iob2", "n_repaired"),
    [
        ("IOB2", [None, "I-x", "I-x", None, None, "O"], [None, "B-x", "I-x", None, None, "O"], 0),
        ("IOB2", ["I-x", None, "I-x", "O", "I-x"], ["B-x", None, "B-x", "O", "B-x"], 2),
        ("BILUO", ["O", "B-x", None, "L-x"], ["O", "B-x", None, "B-x"], 0),
        ("BILUO", [None, "O", "B-x"], [None, "O", "B-x"], 1),
        ("plain", ["x", None, "x", "x"], ["B-x", None, "B-x", "I-x"], 0),
        ("IOB1", [None, None], [None, None], 0),
    ],
)
def test_unknown_tags_stay_unknown_and_tags_beside_them_break_no_rule(scheme, tags, iob2, n_repaired):
    assert to_iob2(tags, scheme) == (iob2, n_repaired)


# Properties


@st.composite
def annotations(draw: st.DrawFn) -> tuple[Entities, int, list[str]]:
    """Draw entities, the number of tokens, and all labels. Some labels may not occur."""
    labels = draw(st.lists(st.text("ab-", min_size=1, max_size=3), min_size=1, max_size=3, unique=True))
    entities: Entities = []
    n = 0
    for gap, length, label in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(labels)), max_size=6)
    ):
        entities.append((label, n + gap, n + gap + length))
        n += gap + length
    return entities, n + draw(st.integers(0, 2)), labels


@pytest.mark.parametrize("scheme", ALL)
@given(annotations())
def test_entities_survive_every_scheme(scheme, annotation):
    entities, n, labels = annotation
    known = build_tag_set(tags_of_labels(labels, scheme), scheme)
    tag_ids = known.encode(spell(entities, n, "BILUO"))
    assert [known.tags[i] for i in tag_ids] == spell(entities, n, scheme)
    assert n_illegal(known, tag_ids) == 0
    expected = merged(entities) if scheme == "plain" else entities
    assert known.entities(tag_ids) == expected
    assert to_iob2(spell(entities, n, scheme), scheme) == (spell(expected, n, "IOB2"), 0)


@pytest.mark.parametrize("scheme", ALL)
@given(annotations(), st.data())
def test_labels_survive_where_tags_are_missing(scheme, annotation, data):
    entities, n, labels = annotation
    tags = {tag: label for label in labels for tag in tags_of_labels([label], scheme)[1:]}
    kept = data.draw(st.lists(st.sampled_from(sorted(tags)), min_size=1, unique=True))
    entities = [entity for entity in entities if entity[0] in {tags[tag] for tag in kept}]
    known = build_tag_set(("O", *kept), scheme)
    tag_ids = known.encode(spell(entities, n, "BILUO"))
    assert n_illegal(known, tag_ids) == 0
    assert merged(known.entities(tag_ids)) == merged(entities)


# All short sequences


def every_spelling(n: int, labels: tuple[str, ...], scheme: str) -> set[tuple[str, ...]]:
    return {tuple(spell(entities, n, scheme)) for entities in every_annotation(n, labels)}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("scheme", PREFIXES)
def test_legal_is_what_spells_entities(scheme, n):
    known = build_tag_set(tags_of_labels(["x", "y"], scheme), scheme)
    sequences = list(product(range(len(known.tags)), repeat=n))
    legal = {tuple(known.tags[i] for i in s) for s in sequences if n_illegal(known, s) == 0}
    assert legal == every_spelling(n, ("x", "y"), scheme)


def test_legal_in_an_open_iob_is_iob2_or_iob1_without_touching_labels():
    known = build_tag_set(tags_of_labels(["x", "y"], "IOB"))
    for s in product(range(len(known.tags)), repeat=3):
        tags = [known.tags[i] for i in s]
        stray = [b for a, b in pairwise(["O", *tags]) if b[0] == "I" and a != "O" and a[2:] != b[2:]]
        assert n_illegal(known, s) == len(stray)


AMBIGUOUS = {"IOB": ("IOB1", "IOB2"), "IOE": ("IOE1", "IOE2")}
ROLE = {"B": "B", "I": "I", "M": "I", "L": "L", "E": "L", "U": "U", "S": "U", "W": "U"}


def transitions_of(scheme: str) -> Iterator[tuple[tuple[bool, str, str], int]]:
    """Yield each transition in the spellings of all annotations.

    YIELDS: whether the labels are equal and both roles, and the outcome.
    """
    for entities in every_annotation(4, ("x", "y")):
        touching = any(a[2] == b[1] and a[0] != b[0] for a, b in pairwise(entities))
        expected = merged(entities) if scheme == "plain" else entities
        inside = {i for _, start, end in expected for i in range(start + 1, end)}
        for named in AMBIGUOUS.get(scheme, (scheme,)):
            if (scheme, named) == ("IOB", "IOB1") and touching:
                continue  # for these annotations, "IOB" means IOB2
            tags = spell(entities, 4, named)
            roles = ["O" if tag == "O" else "I" if scheme == "plain" else ROLE[tag[0]] for tag in tags]
            labels = ["" if tag == "O" else tag[-1] for tag in tags]
            for i in range(1, 4):
                outcome = CONTINUES if i in inside else NEW
                yield (labels[i - 1] == labels[i], roles[i - 1], roles[i]), outcome


@pytest.mark.parametrize("scheme", TABLES)
def test_the_transition_table_follows_from_the_definition_of_the_scheme(scheme):
    outcomes = {}
    for transition, outcome in transitions_of(scheme):
        assert outcomes.setdefault(transition, outcome) == outcome, transition
    table = transition_table(scheme)
    for is_same, (i, role), (j, next_role) in product((False, True), enumerate(ROLES), enumerate(ROLES)):
        # Only two `O` tags have the same, empty label.
        if is_same == (role == next_role) or "O" not in (role, next_role):
            expected = outcomes.get((is_same, role, next_role), FORBIDDEN)
            assert table[int(is_same), i, j] == expected, (is_same, role, next_role)


def test_every_scheme_has_a_transition_table():
    assert set(TABLES) == set(ALL)


def every_head(scheme: str) -> Iterator[TagSet]:
    """Yield heads with `O` and some of the tags for two labels."""
    tags = tags_of_labels(["x", "y"], scheme)[1:]
    for n in range(1, len(tags) + 1):
        for some in combinations(tags, n):
            yield build_tag_set(("O", *some), scheme)


@pytest.mark.parametrize("scheme", ALL)
def test_whatever_tags_are_missing_a_legal_end_can_be_reached(scheme):
    for known in every_head(scheme):
        outside = known.tags.index("O")
        assert known.may_begin[outside]
        assert known.may_follow[outside, outside]
        assert known.may_end[outside]
        legal = known.may_begin.copy()  # tags that a legal sequence can reach
        ends = known.may_end.copy()  # tags from which a legal end can be reached
        for _ in known.tags:
            legal |= known.may_follow[legal].any(axis=0)
            ends |= known.may_follow[:, ends].any(axis=1)
        assert not (legal & ~ends).any(), known.tags


@pytest.mark.parametrize("scheme", ALL)
def test_whatever_tags_are_missing_what_can_be_told_is_told(scheme):
    for known in every_head(scheme):
        spelled: dict[tuple[int, ...], list[Entities]] = {}
        for entities in every_annotation(3, known.labels):
            tag_ids = known.encode(spell(entities, 3, "BILUO"))
            assert n_illegal(known, tag_ids) == 0, (known.tags, entities)
            spelled.setdefault(tuple(tag_ids), []).append(entities)
        for tag_ids, meant in spelled.items():
            assert len(meant) > 1 or known.entities(np.array(tag_ids)) == meant[0], (known.tags, meant)
