"""Create pipelines with tiny checkpoints, and compute their logits for one text."""

import spacy

TEXT = "Kevin Durant lives in New York . Mr. O'Neill lives in Brooklyn . " * 2
TORCH = "spacy_bert_ner.TorchRuntime.v1"


def make(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    nlp("")  # load the checkpoint
    return nlp


def logits(nlp):
    return nlp.get_pipe("bert_ner").model.predict([nlp.make_doc(TEXT)])[0].dataXd
