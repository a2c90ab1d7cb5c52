"""Train with a hand-written loop, or predict with a trained pipeline or checkpoint, as a subprocess of `train.py`.

The environment with spacy-transformers also uses this script for predictions. It has neither `spacy_bert_ner` nor
transformers 5, so each function imports the packages that it needs.
"""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

VOCAB = spacy.blank("en").vocab
# Learning rate for the plain loop. Guides recommend up to 5e-5 for BERT-base, but six narrow layers need a higher rate.
# It does not come from a config in this package, so that the baseline stays the same when the config changes.
RATE = 2e-4
ARTICLE_RATE = 5e-3
IGNORED = -100  # the target that torch's cross-entropy ignores


def read_docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(VOCAB))


def tags_of(doc: Doc) -> list[str]:
    return [f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type else "O" for token in doc]


def names_of_tags(docs: list[Doc]) -> list[str]:
    """Return `O` and the IOB2 tags for all labels in some Docs."""
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def open_encoder(encoder: str, train: list[Doc]) -> tuple[Any, Any, dict[str, int]]:
    """Load an encoder with a new head for the tags in the training data.

    For BERT, this loads the same classes as in the article.

    RETURNS: the model, its tokenizer and the ID for each tag.
    """
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    names = names_of_tags(train)
    tag_ids = {name: i for i, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForTokenClassification.from_pretrained(encoder, id2label=dict(enumerate(names)), label2id=tag_ids)
    return model, tokenizer, tag_ids


Firsts = list[tuple[int, int]]  # for each word in a Doc: the position of its first subword, and the word's index


def encode(tokenizer: Any, docs: list[Doc]) -> tuple[Any, list[Firsts]]:
    """Tokenize Docs into a batch that is padded to its longest Doc.

    RETURNS: the inputs for the model, and the positions of the first subwords for each Doc.
    """
    words = [[token.text for token in doc] for doc in docs]
    inputs = tokenizer(
        words, is_split_into_words=True, padding=True, truncation=True, max_length=512, return_tensors="pt"
    )
    firsts = []
    for row in range(len(docs)):
        ids = inputs.word_ids(row)
        firsts.append([(i, word) for i, word in enumerate(ids) if word is not None and word != ids[i - 1]])
    return inputs, firsts


def make_targets(inputs: Any, firsts: list[Firsts], docs: list[Doc], tag_ids: dict[str, int]) -> Any:
    """Create the targets: the word's tag at its first subword, and `IGNORED` at all other positions.

        [CLS]  Bro    ##ok  ##lyn  Nets   [SEP]
        -100   B-org  -100  -100   I-org  -100

    RETURNS: *Shape:* `(n_docs, longest)`
    """
    import torch

    targets = torch.full_like(inputs["input_ids"], IGNORED)
    for row, (doc, positions) in enumerate(zip(docs, firsts, strict=True)):
        tags = tags_of(doc)
        for position, word in positions:
            targets[row, position] = tag_ids.get(tags[word], IGNORED)
    return targets


def predict_tags(model: Any, tokenizer: Any, docs: list[Doc]) -> list[Doc]:
    """Copy Docs and set entities from the best tag at each word's first subword. A stray `I-` tag starts an entity."""
    import torch

    from spacy_bert_ner.decoding.tag_scheme import build_tag_set, to_iob2

    model.eval()
    names = model.config.id2label
    known = build_tag_set(tuple(names[i] for i in range(len(names))))
    predicted = []
    for start in range(0, len(docs), 64):
        batch = docs[start : start + 64]
        inputs, firsts = encode(tokenizer, batch)
        with torch.no_grad():
            best = model(**inputs).logits.argmax(-1).tolist()
        for doc, row, positions in zip(batch, best, firsts, strict=True):
            tags = ["O"] * len(doc)
            for position, word in positions:
                tags[word] = names[row[position]]
            words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
            predicted.append(Doc(doc.vocab, words=words, spaces=spaces, ents=to_iob2(tags, known.scheme)[0]))
    return predicted


def train_article(encoder: str, corpus: Path, output: Path, seed: int, steps: int, every: int) -> None:
    """Train with the loop from the article: SGD, batches of 2, validation after each epoch, and the last weights.

    The article joins words with single spaces and splits the text at white space, which gives the same words. It pads
    to 512 subwords. Here, each batch is padded to its longest sentence, which only makes training faster.

    encoder (str): encoder folder.
    corpus (Path): folder with `train.spacy` and `dev.spacy`.
    output (Path): folder in which to save `model-best`.
    seed (int): random seed.
    steps (int): number of steps.
    every (int): ignored, because the article validates once per epoch.
    """
    import torch
    from transformers import set_seed

    set_seed(seed)
    train, dev = read_docs(corpus / "train.spacy"), read_docs(corpus / "dev.spacy")
    model, tokenizer, tag_ids = open_encoder(encoder, train)
    optimizer = torch.optim.SGD(model.parameters(), lr=ARTICLE_RATE)

    def accuracy(logits: Any, targets: Any) -> float:
        labelled = targets != IGNORED
        return float((logits.argmax(-1) == targets)[labelled].float().mean())

    step = 0
    while step < steps:
        model.train()
        accuracies, losses = [], []
        order = torch.randperm(len(train)).tolist()[: 2 * (steps - step)]
        for start in range(0, len(order), 2):
            batch = [train[i] for i in order[start : start + 2]]
            inputs, firsts = encode(tokenizer, batch)
            targets = make_targets(inputs, firsts, batch, tag_ids)
            optimizer.zero_grad()
            out = model(**inputs, labels=targets)
            accuracies.append(accuracy(out.logits, targets))
            losses.append(out.loss.item())
            out.loss.backward()
            optimizer.step()
            step += 1
        model.eval()
        dev_accuracies = []
        for start in range(0, len(dev), 2):
            batch = dev[start : start + 2]
            inputs, firsts = encode(tokenizer, batch)
            targets = make_targets(inputs, firsts, batch, tag_ids)
            with torch.no_grad():
                dev_accuracies.append(accuracy(model(**inputs).logits, targets))
        means = [sum(values) / len(values) for values in (losses, accuracies, dev_accuracies)]
        print("step {}: loss {:.4f}, accuracy {:.4f}, dev accuracy {:.4f}".format(step, *means), flush=True)
    save(model, tokenizer, output)


def train_plainly(encoder: str, corpus: Path, output: Path, seed: int, steps: int, every: int) -> None:
    """Train as in a careful tutorial: AdamW, warm-up for a tenth of the steps, batches of 16 and the best weights.

    As in `spacy train`, the steps are numbered from 0 to `steps`, and both are included.

    encoder (str): encoder folder.
    corpus (Path): folder with `train.spacy` and `dev.spacy`.
    output (Path): folder in which to save `model-best`.
    seed (int): random seed.
    steps (int): number of the last step.
    every (int): the loop evaluates on the dev data after each step whose number is divisible by `every`.
    """
    import torch
    from transformers import get_linear_schedule_with_warmup, set_seed

    from spacy_bert_ner import score_bert_ner

    set_seed(seed)
    train, dev = read_docs(corpus / "train.spacy"), read_docs(corpus / "dev.spacy")
    model, tokenizer, tag_ids = open_encoder(encoder, train)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim >= 2]},
        {
            "params": [p for p in model.parameters() if p.ndim < 2],
            "weight_decay": 0.0,
        },  # biases, norms
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    best_score, best_weights = -1.0, {}
    batches = (
        [train[i] for i in order[start : start + 16].tolist()]
        for order in (torch.randperm(len(train)) for _ in count())
        for start in range(0, len(train), 16)
    )
    for step, batch in zip(range(steps + 1), batches, strict=False):
        model.train()
        inputs, firsts = encode(tokenizer, batch)
        targets = make_targets(inputs, firsts, batch, tag_ids)
        loss = model(**inputs, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % every == 0:
            examples = [Example(p, doc) for p, doc in zip(predict_tags(model, tokenizer, dev), dev, strict=True)]
            score = score_bert_ner(examples)["ents_f"] or 0.0
            print(f"step {step}: loss {loss.item():.4f}, dev F1 {score:.4f}", flush=True)
            if score > best_score:
                best_score = score
                best_weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(best_weights)
    save(model, tokenizer, output)


def save(model: Any, tokenizer: Any, output: Path) -> None:
    """Save a checkpoint in the folder in which `spacy train` saves its best pipeline."""
    model.save_pretrained(output / "model-best")
    tokenizer.save_pretrained(output / "model-best")


def predict(folder: Path, tests: list[Path], output: Path) -> None:
    """Predict entities in each test set and save them. A pipeline gets the text, and a checkpoint the words."""
    pipeline = (folder / "meta.json").is_file()
    if pipeline:
        nlp = spacy.load(folder)
    else:
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForTokenClassification.from_pretrained(folder)
    for test in tests:
        gold = read_docs(test)
        predictions = DocBin(attrs=["ORTH", "SPACY", "ENT_IOB", "ENT_TYPE"])
        for doc in nlp.pipe(d.text for d in gold) if pipeline else predict_tags(model, tokenizer, gold):
            doc.spans.clear()  # `doc.spans` has the same entities with scores, which are not needed
            predictions.add(doc)
        predictions.to_disk(output / test.name)


LOOPS = {"article": train_article, "plain loop": train_plainly}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    training = jobs.add_parser("train")
    training.add_argument("way", choices=LOOPS)
    training.add_argument("--encoder")
    training.add_argument("--corpus", type=Path)
    training.add_argument("--output", type=Path)
    training.add_argument("--seed", type=int)
    training.add_argument("--steps", type=int)
    training.add_argument("--every", type=int)
    prediction = jobs.add_parser("predict")
    prediction.add_argument("model", type=Path)
    prediction.add_argument("tests", type=Path, nargs="+")
    prediction.add_argument("--output", type=Path)
    options = vars(parser.parse_args())
    if options.pop("job") == "train":
        LOOPS[options.pop("way")](**options)
    else:
        predict(options["model"], options["tests"], options["output"])
