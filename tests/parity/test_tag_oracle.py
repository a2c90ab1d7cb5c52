"""Test that entities match the subwords' tags in every language and for every kind of tokenizer."""

import random
import warnings
from itertools import product

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import KINDS, LANGUAGES, TAGS, TEXTS, oracle, positions, subwords

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Some entities were omitted:UserWarning"),
    pytest.mark.filterwarnings("ignore:The tokenizer for spaCy's language:UserWarning"),
    pytest.mark.filterwarnings("ignore:Of the first .* tokens, .* share a subword:UserWarning"),
    pytest.mark.usefixtures("few_exceptions"),
]

UNREAD = "a later subword is tagged as an entity but the first subword is not"


def found(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def tagged(lang, kind, text, tags, **config):
    """Return the Doc for a text whose subwords have the given tags."""
    assert len(subwords(kind, text)) == len(tags.split())
    return oracle(lang, kind, lambda ids: tags.split(), **config)(text)


CASES = [
    # spaCy splits finer than the checkpoint's tokenizer. In Chinese, it splits 2017 into four tokens and GDP into
    # three.
    ("zh", "2017年在北京GDP", "B-per I-per O B-loc I-loc B-per", ["2017年 per", "北京 loc", "GDP per"]),
    ("zh", "2017年在北京GDP", "O B-per O O I-loc B-loc", ["年 per", "京 loc", "GDP loc"]),
    ("zh", "2017年在北京GDP", "B-per B-per O O O O", ["2017 per", "年 per"]),
    ("en", "On Wed met id 7", "O B-per O B-loc I-loc", ["Wed per", "id 7 loc"]),
    ("en", "On Wed met id 7", "B-per I-per I-per O O", ["On Wed met per"]),
    ("en", "Paris🙂 and Wien", "B-loc O B-loc I-loc", ["Paris🙂 loc", "Wien loc"]),
    ("xx", "Paris🙂 and Wien", "B-loc O B-loc I-loc", ["Paris🙂 loc", "Wien loc"]),
]


@pytest.mark.parametrize(("lang", "text", "tags", "expected"), CASES)
def test_a_subword_under_several_tokens_is_read_once(lang, text, tags, expected):
    for reading, decoding in product(("first", "any"), ("viterbi", "greedy")):
        doc = tagged(lang, "wordpiece", text, tags, subword_reading=reading, decoding=decoding)
        assert [" ".join(entity) for entity in found(doc)] == expected
        assert [ent._.score > 0.99 for ent in doc.ents] == [True] * len(expected)


# `▁` is a separate subword before 新. At the start of a text, its offsets are those of 新. The plain `run_ner` script
# trains the first subword of each word according to `word_ids`.
@pytest.mark.parametrize("kind", ["metaspace", "byte-level"])
@pytest.mark.parametrize("lang", ["en", "xx", "zh"])
def test_a_space_that_is_a_subword_speaks_for_the_word_behind_it(lang, kind):
    text = "met 新宿 in 新宿"
    pieces = subwords(kind, text)
    firsts = [i for i, piece in enumerate(pieces) if i == 0 or piece.word != pieces[i - 1].word]
    assert [text[pieces[i].start : pieces[i].end].strip() for i in firsts] in (
        [["m"], ["met"]][kind != "metaspace"] + [""] * 3,
    )
    tags = ["O"] * len(pieces)
    tags[firsts[1]] = tags[firsts[3]] = "B-loc"
    doc = oracle(lang, kind, lambda ids: tags)(text)
    expected = ["新"] if lang == "zh" else ["新宿"]
    assert [ent.text for ent in doc.ents] == expected * 2


def test_a_space_at_the_end_of_a_text_speaks_for_no_other_text():
    tags = {"x ": ["O", "O", "B-per"], "新": ["O", "O"]}
    by_length = {len(own): own for own in tags.values()}
    nlp = oracle("xx", "metaspace", lambda ids: by_length[len(ids)])
    assert [found(doc) for doc in nlp.pipe(tags)] == [[], []]


INSIDE = [
    ("DOB:01/02/1990", "O O B-per I-per I-per I-per I-per", ["DOB:01/02/1990 per"], [(4, 14)]),
    ("ID#12345", "O O B-loc", ["ID#12345 loc"], [(3, 8)]),
    ("01/2017#12345", "B-per I-per I-per O O", ["01/2017#12345 per"], [(0, 7)]),
    # Two entities with the same label in one token are merged.
    ("DOB:01/02/1990", "B-per O B-per O O O B-per", ["DOB:01/02/1990 per"], [(0, 14)]),
    # If two entities in one token have different labels, the one with more characters is kept.
    ("DOB:01/02/1990", "B-loc O O O O O B-per", ["DOB:01/02/1990 per"], [(10, 14)]),
]


@pytest.mark.parametrize(("text", "tags", "expected", "offsets"), INSIDE)
def test_an_entity_inside_a_token_is_read_where_it_is_asked_for(text, tags, expected, offsets):
    doc = tagged("xx", "wordpiece", text, tags, subword_reading="any")
    assert len(doc) == 1
    assert [" ".join(entity) for entity in found(doc)] == expected
    assert [tuple(own) for own in doc.spans["bert_ner"].attrs["offsets"].tolist()] == offsets
    assert doc.ents[0]._.score > 0.99


def test_an_entity_inside_a_token_is_counted_and_told_once():
    nlp = oracle("xx", "wordpiece", lambda ids: ["O", "O", "B-per", "O", "O"][: len(ids)])
    message = rf"In 2 of 5 tokens, {UNREAD}\. The first such token is 'ID#12345' \(per\) in 'ID#12345'"
    with pytest.warns(UserWarning, match=message) as told:
        docs = list(nlp.pipe(["ID#12345", "On Wed", "ID#12345 met"]))
    assert len(told) == 1
    assert [doc.spans["bert_ner"].attrs["unread"] for doc in docs] == [1, 0, 1]
    assert [found(doc) for doc in docs] == [[], [], []]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doc = nlp("ID#12345")
    assert doc.spans["bert_ner"].attrs["unread"] == 1


def test_an_entity_that_another_of_its_token_hides_is_counted():
    nlp = oracle("xx", "wordpiece", lambda ids: ["B-loc", "O", "B-per"], subword_reading="any")
    message = r"Some entities were omitted \(1 in 1 tokens\), .* The first is 'ID#12345' \(loc\)"
    with pytest.warns(UserWarning, match=message):
        doc = nlp("ID#12345")
    assert doc.spans["bert_ner"].attrs["unread"] == 1
    assert found(doc) == [("ID#12345", "per")]


def test_a_particle_glued_to_a_name():
    # ▁ 김 태 웅 이 고: the first subword is a space that the tokenizer adds at the start of a text.
    tags = "O B-per I-per I-per O O"
    assert found(tagged("ko", "metaspace", "김태웅이고", tags)) == []
    doc = tagged("ko", "metaspace", "김태웅이고", tags, subword_reading="any")
    assert found(doc) == [("김태웅이고", "per")]
    assert doc.spans["bert_ner"].attrs["offsets"].tolist() == [[0, 3]]


def test_a_tokenizer_that_does_not_know_the_letter_a_opens():
    assert subwords("characters", "a") == []
    assert found(tagged("xx", "characters", "東京都庁は新宿にある", "B-loc")) == [("東京都庁は新宿にある", "loc")]


PARTS = [
    " ",
    "  ",
    "\n",
    "\u00ad",
    "\u0301",
    "\u200d",
    "\x07",
    "[SEP]",
    ".",
    "-",
    "Wed",
    "id",
    "2017",
    "年",
    "北京",
    "🙂",
]
PARTS += ["ﬁnd", "can't", "Tel:+49", "이고", "กรุง", "مصر", "אביב", "新宿"]


def spelled(tags):
    """Return the start, end and label of each entity. A tag that continues no entity starts a new one."""
    runs = []
    for i, tag in enumerate([*tags, "O"]):
        label = tag[2:]
        if runs and runs[-1][1] == i and tag == f"I-{runs[-1][2]}":
            runs[-1][1] = i + 1
        elif label:
            runs.append([i, i + 1, label])
    return runs


def by_first_subwords(doc, pieces, tags):
    """Return the entities from the first subword in each position, extended to all of its tokens."""
    own = sorted(positions(doc, pieces).items())
    runs = spelled([tags[numbers[0]] for _, (numbers, _) in own])
    return [(own[start][0], own[end - 1][1][1], label) for start, end, label in runs]


def by_all_subwords(doc, pieces, tags):
    """Return the entities from all subwords, extended to all tokens that share a character with them."""
    own = sorted(i for numbers, _ in positions(doc, pieces).values() for i in numbers)
    token_of = {i: token for token, (numbers, _) in positions(doc, pieces).items() for i in numbers}
    entities = []
    for start, end, label in spelled([tags[i] for i in own]):
        first, last = own[start], own[end - 1]
        begin, stop = max(pieces[first].start, doc[token_of[first]].idx), pieces[last].end
        touched = [token.i for token in doc if token.idx < stop and not token.is_space]
        entity = [token_of[first], max([token_of[last], *touched]) + 1, label, begin, stop]
        before = entities[-1] if entities and entities[-1][1] > entity[0] else None
        if before is None:
            entities.append(entity)
        elif before[2] == label:
            before[1], before[4] = max(before[1], entity[1]), max(before[4], stop)
        elif stop - begin > before[4] - before[3]:
            entities[-1] = entity
    return [tuple(entity[:3]) for entity in entities]


class Chance:
    """A callable that returns random tags. The same window and seed always have the same tags."""

    def __init__(self):
        self.seed = 0

    def __call__(self, ids):
        chance = random.Random(f"{self.seed} {list(ids)}")
        return chance.choices(TAGS, [4, 1, 2, 1, 2], k=len(ids))


@pytest.fixture(scope="module")
def chance():
    return Chance()


@pytest.fixture(scope="module")
def components(chance):
    """Return components by kind of tokenizer and `subword_reading`. They accept Docs in every language."""
    settings = {"decoding": "greedy"}
    return {
        (kind, reading): oracle("xx", kind, chance, subword_reading=reading, **settings).get_pipe("bert_ner")
        for kind, reading in product(KINDS, ("first", "any"))
    }


@pytest.fixture(scope="module")
def languages():
    return {lang: spacy.blank(lang, config=config) for lang, config in LANGUAGES.items()}


def check(text, nlp, kind, components, chance):
    pieces = subwords(kind, text)
    tags = chance([piece.id for piece in pieces])
    doc = components[kind, "first"](nlp.make_doc(text))
    assert [(ent.start, ent.end, ent.label_) for ent in doc.ents] == by_first_subwords(doc, pieces, tags)
    own = positions(doc, pieces).values()
    n_unread = sum(tags[numbers[0]] == "O" and any(tags[i] != "O" for i in numbers[1:]) for numbers, _ in own)
    assert doc.spans["bert_ner"].attrs["unread"] == n_unread
    doc = components[kind, "any"](nlp.make_doc(text))
    assert [(ent.start, ent.end, ent.label_) for ent in doc.ents] == by_all_subwords(doc, pieces, tags)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_tag_of_a_subword_is_used_twice_and_none_is_lost_unless_it_is_counted(
    lang, kind, components, languages, chance
):
    for chance.seed in range(2):
        for text in TEXTS:
            check(text, languages[lang], kind, components, chance)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(list(LANGUAGES)),
    st.sampled_from(KINDS),
    st.lists(st.sampled_from(PARTS), max_size=8),
    st.integers(0, 999),
)
def test_the_same_of_texts_at_random(components, languages, chance, lang, kind, parts, seed):
    chance.seed = seed
    check("".join(parts), languages[lang], kind, components, chance)
