"""A tag head on vectors that other components use too: one pass through an encoder for all of them."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

import numpy as np
import torch
from spacy.attrs import IS_SPACE
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, Ragged
from thinc.util import torch2xp, xp2torch

from ..decoding.tag_scheme import PREFIXES, tags_of_labels
from ..errors import MODEL_SECTION, BertNerError, EncoderError, Errors, require_setting
from ..nn.fast_dropout import set_dropout
from ..types import ArrayXd
from .shared_head import TagHead
from .shim import CheckpointShim

NAME = "shared_token_classifier"
"""Of the thinc model."""

LOOK_AHEAD = 2048
"""Tokens that `nlp.pipe` reads ahead at first; see `batching.read_ahead_batches`."""

SharedTokenClassifier = Model[list[Doc], list[Ragged]]


@registry.architectures("spacy_bert_ner.SharedTokenClassifier.v1")
def build_shared_token_classifier_v1(tok2vec: Any, tag_scheme: Any = None) -> SharedTokenClassifier:
    """Build a tag head, dropout and a linear layer as in `BertForTokenClassification`, on vectors of tokens.

    It has no encoder of its own: with `spacy-transformers.TransformerListener.v1` the vectors are those of a component
    `transformer` earlier in the pipeline, which tagger, parser and the like use too. `nlp.replace_listeners` gives it a
    copy of the encoder. Gradients are those of the sum over tokens, as spaCy's own components send them, so that none
    outweighs the others by the way it counts.

    tok2vec (Model[List[Doc], List[Floats2d]]): gives one vector a token, `(n_tokens, width)` for each Doc.
    tag_scheme (str | None): the scheme of the tags; null for IOB2.
    RETURNS (Model[List[Doc], List[Ragged]]): for each Doc a Ragged with `dataXd` of shape `(n_rows, n_tags)`, one row
        of tag logits for each token that is no white space, and `lengths` of shape `(n_tokens,)`, which are 1 or 0.
    RAISES ConfigError: a setting is not allowed.
    """
    a_tok2vec = 'a section with @architectures = "spacy-transformers.TransformerListener.v1", or another tok2vec'
    require_setting(MODEL_SECTION, "tok2vec", tok2vec, isinstance(tok2vec, Model), a_tok2vec)
    check_tag_scheme(tag_scheme)
    return Model(
        NAME,
        forward,
        layers=[tok2vec],
        shims=[CheckpointShim()],
        refs={"tok2vec": tok2vec},
        attrs={"tag_scheme": tag_scheme, "max_batch_tokens": LOOK_AHEAD, "dropout_rate": None},
    )


def check_tag_scheme(tag_scheme: object) -> None:
    """RAISES ConfigError: it is neither the name of a scheme nor null."""
    schemes = ", ".join(f'"{scheme}"' for scheme in PREFIXES)
    is_known = tag_scheme is None or (isinstance(tag_scheme, str) and tag_scheme in PREFIXES)
    require_setting(MODEL_SECTION, "tag_scheme", tag_scheme, is_known, f"{schemes}, or null")


def is_shared(model: Model[Any, Any]) -> bool:
    """Whether a token classifier is a head on vectors of others."""
    return model.name == NAME


def listens(model: Model[Any, Any]) -> bool:
    """Whether its vectors are those of another component."""
    return any(_upstream(node) for node in model.walk())


def _upstream(node: Model[Any, Any]) -> str | None:
    """The component that a layer listens to: of spaCy and spacy-transformers, or of spacy-curated-transformers."""
    # In the second package, one whose encoder is its own by now still bears the name, and reads no annotation.
    reads = node.attrs.get("_USE_DOC_ANNOTATIONS_FOR_PREDICTION", False)
    name: str | None = node.attrs["_upstream_name"] if reads else getattr(node, "upstream_name", None)
    return name


def forward(
    model: SharedTokenClassifier, docs: list[Doc], is_train: bool
) -> tuple[list[Ragged], Callable[[list[Ragged]], list[Doc]]]:
    """Docs → vectors of tokens → logits, and back.

    RAISES BertNerError: the component whose vectors are used has not seen a Doc; or the logits are not finite.
    """
    shim: Any = model.shims[0]
    head: TagHead = shim.checkpoint
    shim.prepare()
    if is_train:
        if model.attrs["dropout_rate"] is not None:
            set_dropout(head.model, model.attrs["dropout_rate"])
    elif _waits_for(model):
        for doc in docs:
            if len(doc) and doc._.trf_data is None:
                raise BertNerError(Errors.no_vectors.format(text=doc.text[:40], name="<name>"))
    ops = model.ops
    if any(len(doc) for doc in docs):
        vectors, backprop_vectors = model.layers[0](docs, is_train)
    else:  # which the layers of spacy-transformers do not take
        vectors, backprop_vectors = [ops.alloc2f(0, 0) for _ in docs], lambda d_vectors: docs
    # White space is in no entity.
    tokens = [np.flatnonzero(doc.to_array(IS_SPACE) == 0) for doc in docs]
    rows = [v[ops.xp.asarray(own)] for v, own in zip(vectors, tokens, strict=True) if len(own)]
    width = head.model.classifier.in_features
    inputs = xp2torch(ops.xp.concatenate(rows) if rows else ops.alloc2f(0, width), device=head.device)
    inputs = inputs.detach().requires_grad_(is_train)
    (logits,), backprop_logits = shim([(inputs,)], is_train)
    table: ArrayXd = torch2xp(logits, ops=ops)
    if not bool(ops.xp.isfinite(table).all()):
        raise BertNerError(Errors.not_finite)
    output, first = [], 0
    for doc, own in zip(docs, tokens, strict=True):
        lengths = np.zeros(len(doc), dtype=np.int32)
        lengths[own] = 1
        output.append(Ragged(table[first : first + len(own)], ops.xp.asarray(lengths)))
        first += len(own)

    def backprop(d_output: list[Ragged]) -> list[Doc]:
        backprop_logits([ops.xp.concatenate([d.dataXd for d in d_output])])
        d_rows: ArrayXd = torch2xp(cast(torch.Tensor, inputs.grad), ops=ops)
        d_vectors, first = [], 0
        for before, own in zip(vectors, tokens, strict=True):
            d = ops.alloc2f(*before.shape)
            if len(own):
                d[ops.xp.asarray(own)] = d_rows[first : first + len(own)]
            d_vectors.append(d)
            first += len(own)
        backprop_vectors(d_vectors)
        return docs

    return output, backprop


def _waits_for(model: SharedTokenClassifier) -> bool:
    """Whether a transformer component has to have left what it found in the Docs. A listener takes zeros without."""
    nodes = [node for node in model.walk() if _upstream(node) and not isinstance(node, Tok2VecListener)]
    return Doc.has_extension("trf_data") and bool(nodes)


def new_head(
    model: SharedTokenClassifier,
    get_docs: Callable[[], Sequence[Doc]],
    labels: Collection[str] | None,
    added: Collection[str],
) -> TagHead:
    """A head with random weights from torch's generator.

    get_docs: gives some of the training data, by which the width of the vectors is found.
    labels, added: see `Checkpoint.from_pretrained`.
    RAISES EncoderError: there are no labels.
    """
    wanted = {*(labels or ()), *added}
    if labels is None or not wanted:
        raise EncoderError(Errors.head_untrained)
    scheme = model.attrs["tag_scheme"] or "IOB2"
    tok2vec = model.layers[0]
    sample = [doc for doc in get_docs() if len(doc)]
    tok2vec.initialize(X=sample)
    found = tok2vec.predict(sample)
    return TagHead.new(found[0].shape[1], tags_of_labels(wanted, scheme), scheme)
