"""Test added labels, resumed training, rehearsal and partial annotation."""

import warnings

import numpy as np
import pytest
import spacy
import torch
from checkpoints import save_tagger
from spacy.tokens import Doc, Span
from spacy.training import Example
from support import initialized
from thinc.api import SGD, Adam, RAdam

from spacy_bert_ner.errors import ConfigError, TagError
from spacy_bert_ner.losses import gold_tags

pytestmark = pytest.mark.usefixtures("few_exceptions")


def checkpoint(nlp):
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint


def logits(nlp, text="Kevin Durant plays for the Brooklyn Nets."):
    return nlp.get_pipe("bert_ner").model.predict([nlp.make_doc(text)])[0].dataXd


def test_a_label_that_is_added_to_a_trained_head_changes_no_old_logit(nlp):
    before = logits(nlp)
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.add_label("art") == 1
    assert pipe.labels == ("art", "geo", "org", "per")
    assert pipe.tags == ("O", "B-geo", "I-geo", "B-org", "I-org", "B-per", "I-per", "B-art", "I-art")
    after = logits(nlp)
    np.testing.assert_allclose(after[:, :7], before, atol=1e-6)
    assert after.shape[1] == 9
    assert np.abs(after[:, 7:]).max() > 0
    assert pipe.add_label("art") == 0


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("BILUO", ["B-art", "I-art", "L-art", "U-art"]),
        ("plain", ["art"]),
        ("IOE2", ["I-art", "E-art"]),
        ("BMEWO", ["B-art", "M-art", "E-art", "W-art"]),
    ],
)
def test_a_label_is_added_in_the_scheme_of_the_head(make_nlp, examples, scheme, tags):
    pipe = initialized(make_nlp, examples, tag_scheme=scheme).get_pipe("bert_ner")
    pipe.add_label("art")
    assert list(pipe.tags[-len(tags) :]) == tags


def test_labels_that_are_added_before_there_is_a_head(make_nlp, examples):
    nlp = make_nlp()
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.add_label("art") == 1
    assert pipe.add_label("art") == 0
    assert pipe.labels == ("art",)
    nlp.initialize(lambda: examples)
    assert pipe.labels == ("art", "geo", "org", "per")


def test_a_label_that_is_added_to_a_named_checkpoint_before_its_first_use(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp.get_pipe("bert_ner").add_label("art")
    nlp("Kevin")
    assert nlp.get_pipe("bert_ner").tags == ("B-per", "O", "I-geo", "I-per", "B-geo", "B-art", "I-art")


def test_a_label_that_a_named_checkpoint_turns_out_to_have_is_not_added(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    assert nlp.get_pipe("bert_ner").add_label("per") == 1
    nlp("Kevin")
    assert nlp.get_pipe("bert_ner").tags == ("B-per", "O", "I-geo", "I-per", "B-geo")


def test_the_first_use_may_be_an_update(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp.get_pipe("bert_ner").add_label("art")
    eg = Example.from_dict(nlp.make_doc("Moby Dick"), {"entities": [(0, 9, "art")]})
    assert nlp.get_pipe("bert_ner").update([eg])["bert_ner"] > 0
    assert nlp.get_pipe("bert_ner").tags[5:] == ("B-art", "I-art")


def test_added_labels_are_saved_before_there_is_a_head(make_nlp, tmp_path):
    nlp = make_nlp()
    nlp.get_pipe("bert_ner").add_label("art")
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("bert_ner").labels == ("art",)


@pytest.mark.parametrize("label", ["", " ", None, 3, "O"])
def test_a_label_has_a_name(nlp, label):
    with pytest.raises(TagError, match=r"is not a valid label. Allowed: a non-empty name other than O"):
        nlp.get_pipe("bert_ner").add_label(label)
    assert nlp.get_pipe("bert_ner").labels == ("geo", "org", "per")


@pytest.mark.parametrize(
    ("labels", "message"), [("per", "a list, even for one label"), (["per", ""], "'' is not a valid label")]
)
def test_labels_to_initialize_with_are_checked(make_nlp, examples, labels, message):
    with pytest.raises(TagError, match=message):
        make_nlp().get_pipe("bert_ner").initialize(lambda: examples, labels=labels)


def test_a_label_that_would_spoil_the_head_is_refused_and_nothing_is_changed(make_nlp, tmp_path):
    nlp = make_nlp(name=save_tagger(tmp_path / "a", "O", "per"))
    before = logits(nlp)
    pipe = nlp.get_pipe("bert_ner")
    with pytest.raises(TagError, match="The label 'B-art' cannot be added to .*use the scheme plain. These tags"):
        pipe.add_label("B-art")
    assert pipe.labels == ("per",)
    np.testing.assert_array_equal(logits(nlp), before)
    nlp.to_disk(tmp_path / "b")
    assert spacy.load(tmp_path / "b").get_pipe("bert_ner").tags == ("O", "per")


# All later calls keep an added label.


@pytest.mark.parametrize(
    "steps",
    ["initialize add initialize", "add initialize initialize", "initialize save add initialize", "add save initialize"],
)
def test_a_label_that_was_added_stays(make_nlp, examples, tmp_path, steps):
    nlp = make_nlp()
    for step in steps.split():
        if step == "add":
            nlp.get_pipe("bert_ner").add_label("art")
        elif step == "save":
            nlp.to_disk(tmp_path)
            nlp = spacy.load(tmp_path)
        else:
            nlp.initialize(lambda: examples)
    assert nlp.get_pipe("bert_ner").labels == ("art", "geo", "org", "per")
    assert nlp.get_pipe("bert_ner").tags[0] == "O"
    assert len(nlp.get_pipe("bert_ner").tags) == 9


def test_a_trained_head_that_lacks_a_label_is_replaced_with_a_warning(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    message = (
        "The trained head of .* lacks art, so it is replaced with a newly initialised head for art, per. "
        r"To keep the trained head with its labels geo, per, add the missing labels before nlp.initialize\(\): "
        r"add_label\('art'\)"
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: two_labels(nlp))
    assert nlp.get_pipe("bert_ner").labels == ("art", "per")


def test_a_trained_head_stays_if_what_it_lacks_was_added(make_nlp, tagger):
    named = make_nlp(name=tagger)
    before = logits(named)
    nlp = make_nlp(name=tagger)
    nlp.get_pipe("bert_ner").add_label("art")
    nlp.initialize(lambda: two_labels(nlp))
    assert nlp.get_pipe("bert_ner").tags == ("B-per", "O", "I-geo", "I-per", "B-geo", "B-art", "I-art")
    np.testing.assert_allclose(logits(nlp)[:, :5], before, atol=1e-6)


def two_labels(nlp):
    text = "Kevin read Moby Dick"
    return [Example.from_dict(nlp.make_doc(text), {"entities": [(0, 5, "per"), (11, 20, "art")]})]


@pytest.mark.training
@pytest.mark.parametrize("use_averages", [False, True])
def test_training_goes_on_after_a_label_was_added(nlp, examples, use_averages):
    # The optimizer's moments and averages have the shape of the old head, so they must be replaced.
    optimizer = Adam(0.01, use_averages=use_averages)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    nlp.get_pipe("bert_ner").add_label("art")
    eg = Example.from_dict(nlp.make_doc("Moby Dick"), {"entities": [(0, 9, "art")]})
    old = checkpoint(nlp).model.classifier.bias.detach().clone()
    for _ in range(40):
        losses = nlp.update([*examples, eg], sgd=optimizer, losses={})
    assert losses["bert_ner"] < 0.05
    assert [(ent.text, ent.label_) for ent in nlp("Moby Dick").ents] == [("Moby Dick", "art")]
    assert not torch.equal(checkpoint(nlp).model.classifier.bias, old)
    if use_averages:
        with nlp.use_params(optimizer.averages):
            assert logits(nlp).shape[1] == 9


def test_a_head_that_has_grown_keeps_its_own_weights_beside_averages_from_before(nlp, examples, tmp_path):
    optimizer = Adam(0.01, use_averages=True)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    nlp.get_pipe("bert_ner").add_label("art")
    head, added = checkpoint(nlp).model.classifier.weight.detach().clone(), logits(nlp)
    with nlp.use_params(optimizer.averages):
        assert torch.equal(checkpoint(nlp).model.classifier.weight, head)
        assert not np.allclose(logits(nlp), added)
        averaged = logits(nlp)
        nlp.to_disk(tmp_path)
    np.testing.assert_array_equal(logits(nlp), added)
    np.testing.assert_allclose(logits(spacy.load(tmp_path)), averaged, atol=1e-6)


@pytest.mark.training
@pytest.mark.parametrize("make", [Adam, RAdam])
def test_the_averages_of_a_head_that_has_grown_follow_its_weights(nlp, examples, make):
    optimizer = make(0.01, use_averages=True)
    for _ in range(200):
        nlp.update(examples[:1], sgd=optimizer)
    nlp.get_pipe("bert_ner").add_label("art")
    eg = Example.from_dict(nlp.make_doc("Moby Dick"), {"entities": [(0, 9, "art")]})
    for _ in range(10):
        nlp.update([*examples, eg], sgd=optimizer)
    weight = checkpoint(nlp).model.classifier.weight.detach().clone()
    with nlp.use_params(optimizer.averages):
        averaged = checkpoint(nlp).model.classifier.weight.detach()
        assert averaged.shape == (9, 32)
        assert (averaged - weight).norm() < 0.1 * weight.norm()
        assert not torch.equal(averaged, weight)


def test_rehearsal_directly_after_a_label_was_added(nlp, examples):
    optimizer = nlp.resume_training(sgd=Adam(0.001))
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    nlp.get_pipe("bert_ner").add_label("art")
    before = logits(nlp)
    nlp.rehearse(examples, sgd=optimizer)
    assert not np.array_equal(logits(nlp), before)


def test_an_update_with_nothing_in_it_before_the_first_use(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    doc = nlp.make_doc("")
    assert nlp.update([Example(doc, doc)], sgd=Adam(0.001)) == {"bert_ner": 0.0}


def test_labels_can_be_added(nlp):
    assert nlp.get_pipe("bert_ner").is_resizable


def test_after_initialize_there_is_nothing_to_rehearse(nlp, examples):
    optimizer = nlp.resume_training()
    other = Example.from_dict(nlp.make_doc("Moby Dick"), {"entities": [(0, 9, "art")]})
    nlp.initialize(lambda: [other])
    assert nlp.get_pipe("bert_ner").rehearse(examples, sgd=optimizer, losses={}) == {"bert_ner": 0.0}


def test_a_saved_pipeline_has_the_label_that_was_added(nlp, tmp_path):
    nlp.get_pipe("bert_ner").add_label("art")
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.get_pipe("bert_ner").tags == nlp.get_pipe("bert_ner").tags
    np.testing.assert_allclose(logits(again), logits(nlp), atol=1e-6)


# Rehearsal


def divergence(old, new):
    old, new = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (old, new[:, : old.shape[1]]))
    return float((old * np.log(old / new)).sum(axis=1).mean())


def test_without_resume_training_there_is_nothing_to_rehearse(nlp, examples):
    before = logits(nlp)
    assert nlp.get_pipe("bert_ner").rehearse(examples, sgd=SGD(0.5, use_averages=False)) == {"bert_ner": 0.0}
    np.testing.assert_array_equal(logits(nlp), before)


def test_rehearsal_starts_at_zero_and_measures_the_way_from_the_old_model(nlp, examples):
    nlp.resume_training()
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.rehearse(examples, losses={})["bert_ner"] == pytest.approx(0.0, abs=1e-6)
    old = logits(nlp)
    with torch.no_grad():
        checkpoint(nlp).model.classifier.bias[2] += 1.0
    raw = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in ("Kevin Durant plays for the Brooklyn Nets.",)]
    assert pipe.rehearse(raw, losses={})["bert_ner"] == pytest.approx(divergence(old, logits(nlp)), abs=1e-5)


@pytest.mark.training
@pytest.mark.parametrize("with_label", [False, True])
def test_rehearsal_keeps_what_the_model_knew(make_nlp, examples, with_label):
    text, ways = "Kevin Durant plays for the Brooklyn Nets.", {}
    for way in ("update", "update and rehearse"):
        torch.manual_seed(0)
        nlp = initialized(make_nlp, examples)
        first = Adam(0.01, use_averages=False)
        for _ in range(40):
            nlp.update(examples, sgd=first)
        old = logits(nlp, text)
        optimizer = nlp.resume_training(sgd=Adam(0.003, use_averages=False))
        if with_label:
            nlp.get_pipe("bert_ner").add_label("art")
        label = "art" if with_label else "geo"
        news = [Example.from_dict(nlp.make_doc("Moby Dick"), {"entities": [(0, 9, label)]})]
        raw = [Example(nlp.make_doc(text), nlp.make_doc(text))]
        for _ in range(15):
            nlp.update(news, sgd=optimizer)
            if way != "update":
                nlp.rehearse(raw, sgd=optimizer)
        ways[way] = divergence(old, logits(nlp, text))
    assert ways["update and rehearse"] < ways["update"] / 2


def test_the_gradient_of_rehearsal_is_that_of_torch(nlp, examples):
    nlp.resume_training()
    pipe = nlp.get_pipe("bert_ner")
    with torch.no_grad():
        checkpoint(nlp).model.classifier.weight.mul_(1.5)
    pipe.rehearse(examples)
    found = checkpoint(nlp).model.classifier.weight.grad.clone()
    old_model, new_model = (m.shims[0].checkpoint for m in (pipe._rehearsal_model, pipe.model))
    new_model.model.zero_grad()
    total, n = 0.0, 0
    for eg in examples:
        ids, mask = new_model.pad([new_model.tokenize([eg.text])[0].ids])
        lengths = pipe.model.predict([eg.predicted])[0].lengths
        first = torch.tensor(1 + np.cumsum(lengths) - lengths)  # after [CLS]; every token has a subword here
        with torch.no_grad():
            old = old_model.forward(ids, mask)[0, first].log_softmax(-1)
        new = new_model.forward(ids, mask)[0, first].log_softmax(-1)
        total = total + torch.nn.functional.kl_div(new, old, reduction="sum", log_target=True)
        n += len(first)
    (total / n).backward()
    np.testing.assert_allclose(found, new_model.model.classifier.weight.grad, atol=1e-5)


@pytest.mark.parametrize("way", ["nlp", "component"])
def test_rehearsal_alone_takes_a_step(nlp, examples, way):
    optimizer = nlp.resume_training(sgd=SGD(0.5, use_averages=False))
    with torch.no_grad():
        checkpoint(nlp).model.classifier.bias[2] += 1.0
    before = checkpoint(nlp).model.classifier.bias.detach().clone()
    rehearse = nlp.rehearse if way == "nlp" else nlp.get_pipe("bert_ner").rehearse
    first = rehearse(examples, sgd=optimizer, losses={})["bert_ner"]
    bias = checkpoint(nlp).model.classifier.bias
    assert bias[2] < before[2]  # the bias moves back towards its old value
    assert bias.grad is None
    assert rehearse(examples, sgd=optimizer, losses={})["bert_ner"] < first


def test_rehearsing_empty_docs_changes_nothing(nlp):
    nlp.resume_training()
    before = logits(nlp)
    raw = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in ("", " ")]
    nlp.get_pipe("bert_ner").rehearse(raw, sgd=SGD(0.5, use_averages=False))
    np.testing.assert_array_equal(logits(nlp), before)


# Partial annotation


@pytest.mark.training
def test_training_on_a_part_of_the_annotation_teaches_nothing_of_the_rest(make_nlp):
    def example(nlp, ents, default):
        predicted, reference = nlp.make_doc("Kevin lives in York"), nlp.make_doc("Kevin lives in York")
        reference.set_ents([Span(reference, s, e, label=label) for s, e, label in ents], default=default)
        return Example(predicted, reference)

    nlp = make_nlp()
    every = [example(nlp, [(0, 1, "per"), (3, 4, "geo")], "outside")]
    nlp.initialize(lambda: every)
    optimizer = Adam(0.01, use_averages=False)
    for _ in range(30):
        nlp.update(every, sgd=optimizer)
    assert [ent.label_ for ent in nlp("Kevin lives in York").ents] == ["per", "geo"]
    for _ in range(30):
        nlp.update([example(nlp, [(3, 4, "geo")], "missing")], sgd=optimizer)
    assert [ent.label_ for ent in nlp("Kevin lives in York").ents] == ["per", "geo"]
    for _ in range(30):
        nlp.update([example(nlp, [(3, 4, "geo")], "outside")], sgd=optimizer)
    assert [ent.label_ for ent in nlp("Kevin lives in York").ents] == ["geo"]


def misaligned(nlp):
    """Return an example with two gold entities, one of which ends inside a token."""
    predicted = Doc(nlp.vocab, words=["KevinDurant", "lives", "in", "York"])
    words = ["Kevin", "Durant", "lives", "in", "York"]
    ents = ["B-per", "O", "O", "O", "B-geo"]
    return Example(predicted, Doc(nlp.vocab, words=words, spaces=[False, *[True] * 3, False], ents=ents))


def test_misaligned_entities_are_counted_and_told_once(make_nlp):
    nlp = make_nlp()
    examples = [misaligned(nlp)] * 3
    message = (
        r"3 of 6 gold entities \(50.0%\) start or end inside a token .*'bert_ner' .* The first is 'Kevin' in 'KevinD"
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: examples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(examples)


def test_misaligned_entities_are_told_in_training_if_they_were_not_before(make_nlp):
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["bert_ner"] = {"labels": ["per", "geo"]}
    examples = [misaligned(nlp)]
    nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match=r"1 of 2 gold entities \(50.0%\)"):
        nlp.update(examples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(examples)


def test_misaligned_entities_are_told_in_the_first_batch_that_has_some(make_nlp, examples):
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["bert_ner"] = {"labels": ["per", "geo", "org"]}
    nlp.initialize(lambda: examples)
    nlp.update(examples)
    with pytest.warns(UserWarning, match=r"1 of 2 gold entities \(50.0%\)"):
        nlp.update([misaligned(nlp)])


def test_misaligned_entities_are_told_in_later_data_too(nlp, examples):
    nlp.update(examples)  # all entities are aligned, as in the examples for initialization
    with pytest.warns(UserWarning, match=r"1 of 2 gold entities \(50.0%\)"):
        nlp.update([misaligned(nlp)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([misaligned(nlp)])


def test_the_survey_tells_the_labels_and_the_first_misaligned_entity(nlp, examples):
    words, spaces = ["-led", *["word"] * 20], [False, *[True] * 21]
    ents = ["B-geo", *["O"] * 21]
    long = Example(Doc(nlp.vocab, words=["U.S.-led", *words[1:]]), Doc(nlp.vocab, ["U.S.", *words], spaces, ents=ents))
    labels, found = gold_tags.collect_labels([*examples, long, misaligned(nlp)])
    assert labels == ["geo", "org", "per"]
    assert found == (2, 9, "U.S.", "U.S.-led" + " word" * 14 + " w")


def test_white_space_that_only_one_text_has_misaligns_nothing(nlp):
    reference = Doc(nlp.vocab, words=["Then", "Kevin", "Durant", "left"], ents=["O", "B-per", "I-per", "O"])
    eg = Example(Doc(nlp.vocab, words=["Then", "  ", "Kevin", "Durant", "left"]), reference)
    assert gold_tags.collect_labels([eg]) == (["per"], (0, 1, "", ""))


def test_what_is_misaligned_is_masked_and_the_rest_is_learned(make_nlp):
    nlp = make_nlp()
    with pytest.warns(UserWarning, match="start or end inside a token"):
        nlp.initialize(lambda: [misaligned(nlp)])
    pipe = nlp.get_pipe("bert_ner")
    eg = misaligned(nlp)
    loss, gradient = pipe.get_loss([eg], pipe.model.predict([eg.predicted]))
    assert loss.weight == 3  # the tokens "lives", "in" and "York"
    rows = gradient[0]
    first = int(rows.lengths[0])
    assert not rows.dataXd[:first].any()
    assert rows.dataXd[first:].any()


def test_aligned_entities_are_not_told(nlp, examples):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(examples)


@pytest.mark.training
def test_training_a_head_in_another_scheme(make_nlp, examples, tmp_path):
    for scheme in ("IOB1", "BILUO", "IOE2", "BMES", "BMEWO", "plain"):
        nlp = initialized(make_nlp, examples, tag_scheme=scheme)
        optimizer = Adam(0.01, use_averages=False)
        for _ in range(40):
            nlp.update(examples, sgd=optimizer)
        expected = [[(ent.text, ent.label_) for ent in eg.reference.ents] for eg in examples]
        assert expected[0] == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]
        found = [[(ent.text, ent.label_) for ent in nlp(eg.text).ents] for eg in examples]
        assert found == expected, scheme
        nlp.to_disk(tmp_path / scheme)
        # The head stores its scheme in `config.json`, so other pipelines interpret it correctly without a setting.
        folder = tmp_path / scheme / "bert_ner" / "model"
        other = make_nlp(name=folder)
        assert [[(ent.text, ent.label_) for ent in other(eg.text).ents] for eg in examples] == expected


def test_a_scheme_that_does_not_fit_the_tags(make_nlp, tagger):
    with pytest.raises(ConfigError, match="tag_scheme = 'IOE2' is invalid. Allowed: a scheme that fits the tags of"):
        make_nlp(name=tagger, tag_scheme="IOE2")("Kevin")


def test_the_scheme_of_a_config_counts_for_saved_weights(make_nlp, tagger, tmp_path):
    nlp = make_nlp(name=tagger)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components.bert_ner.model.tag_scheme": "plain"})
    assert loaded.get_pipe("bert_ner").labels == ("B-geo", "B-per", "I-geo", "I-per")
    with pytest.raises(ConfigError, match="tag_scheme = 'IOE2' is invalid"):
        spacy.load(tmp_path, config={"components.bert_ner.model.tag_scheme": "IOE2"})
