import spacy


def entities(doc):
    return [(ent.text, ent.label_, ent._.score) for ent in doc.ents]


def test_in_a_memory_zone_no_new_word_stays(tagger):
    """Test rounds of texts with unique words. Labels also occur in a memory zone for the first time."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.get_pipe("bert_ner").model.predict([nlp.make_doc("the")])  # load the checkpoint
    n_strings = len(nlp.vocab.strings)
    found = []
    for number in range(3):
        with nlp.memory_zone():
            texts = [f"Kevin Durant{number}x{i} lives in New York ." for i in range(20)]
            found.append([len(entities(doc)) for doc in nlp.pipe(texts, batch_size=7)])
        assert len(nlp.vocab.strings) == n_strings
    assert sum(found[0])
    inside = entities(nlp("Kevin lives in New York ."))
    with nlp.memory_zone():
        assert entities(nlp("Kevin lives in New York .")) == inside
    for number in range(3, 6):  # outside a memory zone, new strings stay
        list(nlp.pipe([f"Kevin Durant{number}"]))
    assert len(nlp.vocab.strings) > n_strings + 2
