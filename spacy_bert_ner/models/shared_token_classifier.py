"""Build a tag head on vectors from an encoder that several components share."""

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

from ..decoding.tag_scheme import ALIAS_NOTE, PREFIXES, find_scheme, tags_of_labels
from ..errors import MODEL_SECTION, BertNerError, EncoderError, Errors, require_setting
from ..nn.fast_dropout import set_dropout
from ..types import ArrayXd
from .shared_head import TagHead
from .shim import CheckpointShim

NAME = "shared_token_classifier"
"""Name of the thinc model."""

LOOK_AHEAD = 2048
"""Initial number of tokens to read ahead in `nlp.pipe`; see `batching.read_ahead_batches`."""

SharedTokenClassifier = Model[list[Doc], list[Ragged]]


@registry.architectures("spacy_bert_ner.SharedTokenClassifier.v1")
def build_shared_token_classifier_v1(tok2vec: Any, tag_scheme: Any = None) -> SharedTokenClassifier:
    """Build a tag head on token vectors: dropout and a linear layer, as in `BertForTokenClassification`.

    The head has no encoder of its own. With `spacy-transformers.TransformerListener.v1`, the vectors come from an
    earlier component `transformer`, which can also serve the tagger, the parser and other components.
    `nlp.replace_listeners` gives the head a copy of the encoder. Gradients are summed over tokens, as in spaCy's own
    components. If the head averaged them instead, the components would have unequal weights.

    tok2vec (Model[List[Doc], List[Floats2d]]): model that computes one vector for each token of a Doc. *Shape:*
        `(n_tokens, width)` for each Doc
    tag_scheme (str | None): the tag scheme, by its name or an alias. Null (default) means IOB2.
    RETURNS (Model[List[Doc], List[Ragged]]): for each Doc, a Ragged with one row of tag logits for each token except
        white space. *Shape:* `dataXd` `(n_rows, n_tags)`, `lengths` `(n_tokens,)` with values 1 or 0
    RAISES ConfigError: a setting is invalid.
    """
    allowed = 'a section with @architectures = "spacy-transformers.TransformerListener.v1", or another tok2vec'
    require_setting(MODEL_SECTION, "tok2vec", tok2vec, isinstance(tok2vec, Model), allowed)
    tag_scheme = check_tag_scheme(tag_scheme)
    return Model(
        NAME,
        forward,
        layers=[tok2vec],
        shims=[CheckpointShim()],
        refs={"tok2vec": tok2vec},
        attrs={"tag_scheme": tag_scheme, "max_batch_tokens": LOOK_AHEAD, "dropout_rate": None},
    )


def check_tag_scheme(tag_scheme: object) -> str | None:
    """Validate the setting `tag_scheme`.

    tag_scheme (object): the value to check.
    RETURNS (str | None): the scheme, a key of `tag_scheme.PREFIXES`, or None for null.
    RAISES ConfigError: the value is neither the name of a tag scheme nor null.
    """
    schemes = ", ".join(f'"{scheme}"' for scheme in PREFIXES)
    found = find_scheme(tag_scheme)
    allowed = f"{schemes}, or null; {ALIAS_NOTE}"
    require_setting(MODEL_SECTION, "tag_scheme", tag_scheme, tag_scheme is None or found is not None, allowed)
    return found


def is_shared(model: Model[Any, Any]) -> bool:
    """Return whether a token classifier is a head on shared vectors.

    model (Model): the token classifier.
    """
    return model.name == NAME


def listens(model: Model[Any, Any]) -> bool:
    """Return whether a token classifier uses the vectors of another component.

    model (Model): the token classifier.
    """
    return any(_upstream(node) for node in model.walk())


def _upstream(node: Model[Any, Any]) -> str | None:
    """Return the name of the component that a layer listens to, or None if the layer is not a listener.

    This function supports listeners from spaCy, spacy-transformers and spacy-curated-transformers.
    """
    # In spacy-curated-transformers, a listener that was replaced by a copy of the encoder keeps the component's name,
    # but it no longer reads that component's annotations.
    reads_annotations = node.attrs.get("_USE_DOC_ANNOTATIONS_FOR_PREDICTION", False)
    name: str | None = node.attrs["_upstream_name"] if reads_annotations else getattr(node, "upstream_name", None)
    return name


def forward(
    model: SharedTokenClassifier, docs: list[Doc], is_train: bool
) -> tuple[list[Ragged], Callable[[list[Ragged]], list[Doc]]]:
    """Compute the tag logits of Docs from token vectors.

    model (SharedTokenClassifier): the model.
    docs (list[Doc]): the Docs.
    is_train (bool): whether to apply dropout and allow the backward pass.
    RETURNS (tuple[list[Ragged], Callable]): the logits of each Doc, as in `build_shared_token_classifier_v1`, and
        the backward-pass callback, which takes their gradient.
    RAISES BertNerError: the component that provides the vectors has not processed a Doc, or the logits are not finite.
    """
    shim: Any = model.shims[0]
    head: TagHead = shim.checkpoint
    shim.prepare()
    if is_train:
        if model.attrs["dropout_rate"] is not None:
            set_dropout(head.model, model.attrs["dropout_rate"])
    elif _needs_transformer_output(model):
        for doc in docs:
            if len(doc) and doc._.trf_data is None:
                raise BertNerError(Errors.no_vectors.format(text=doc.text[:40], name="<name>"))
    ops = model.ops
    if any(len(doc) for doc in docs):
        vectors, backprop_vectors = model.layers[0](docs, is_train)
    else:  # the layers of spacy-transformers do not accept a batch without tokens
        vectors, backprop_vectors = [ops.alloc2f(0, 0) for _ in docs], lambda d_vectors: docs
    # White-space tokens are never part of an entity.
    token_indices = [np.flatnonzero(doc.to_array(IS_SPACE) == 0) for doc in docs]
    doc_rows = [v[ops.xp.asarray(tokens)] for v, tokens in zip(vectors, token_indices, strict=True) if len(tokens)]
    width = head.model.classifier.in_features
    inputs = xp2torch(ops.xp.concatenate(doc_rows) if doc_rows else ops.alloc2f(0, width), device=head.device)
    inputs = inputs.detach().requires_grad_(is_train)
    (torch_logits,), backprop_logits = shim([(inputs,)], is_train)
    logits: ArrayXd = torch2xp(torch_logits, ops=ops)
    if not bool(ops.xp.isfinite(logits).all()):
        raise BertNerError(Errors.not_finite)
    output, first = [], 0
    for doc, tokens in zip(docs, token_indices, strict=True):
        lengths = np.zeros(len(doc), dtype=np.int32)
        lengths[tokens] = 1
        output.append(Ragged(logits[first : first + len(tokens)], ops.xp.asarray(lengths)))
        first += len(tokens)

    def backprop(d_output: list[Ragged]) -> list[Doc]:
        backprop_logits([ops.xp.concatenate([d.dataXd for d in d_output])])
        d_inputs: ArrayXd = torch2xp(cast(torch.Tensor, inputs.grad), ops=ops)
        d_vectors, first = [], 0
        for doc_vectors, tokens in zip(vectors, token_indices, strict=True):
            d_doc = ops.alloc2f(*doc_vectors.shape)
            if len(tokens):
                d_doc[ops.xp.asarray(tokens)] = d_inputs[first : first + len(tokens)]
            d_vectors.append(d_doc)
            first += len(tokens)
        backprop_vectors(d_vectors)
        return docs

    return output, backprop


def _needs_transformer_output(model: SharedTokenClassifier) -> bool:
    """Return whether a transformer must have processed the Docs.

    A `Tok2VecListener` does not require this, because it returns zeros for unprocessed Docs.
    """
    listeners = [node for node in model.walk() if _upstream(node) and not isinstance(node, Tok2VecListener)]
    return Doc.has_extension("trf_data") and bool(listeners)


def new_head(
    model: SharedTokenClassifier,
    get_docs: Callable[[], Sequence[Doc]],
    labels: Collection[str] | None,
    added: Collection[str],
) -> TagHead:
    """Create a head with weights from torch's random number generator.

    model (SharedTokenClassifier): the model.
    get_docs (Callable): function that returns Docs from the training data. Their vectors determine the width of the
        head.
    labels (Collection[str] | None), added (Collection[str]): see `Checkpoint.from_pretrained`.
    RETURNS (TagHead): the head.
    RAISES EncoderError: there are no labels.
    """
    all_labels = {*(labels or ()), *added}
    if labels is None or not all_labels:
        raise EncoderError(Errors.head_untrained)
    scheme = model.attrs["tag_scheme"] or "IOB2"
    tok2vec = model.layers[0]
    sample = [doc for doc in get_docs() if len(doc)]
    tok2vec.initialize(X=sample)
    vectors = tok2vec.predict(sample)
    return TagHead.new(vectors[0].shape[1], tags_of_labels(all_labels, scheme), scheme)
