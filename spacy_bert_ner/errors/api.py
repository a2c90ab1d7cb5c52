"""Define the message templates for the functions in `api`."""

from __future__ import annotations


class ApiMessages:
    """The message templates for the functions in `api`, to be filled in with `str.format`."""

    function_in_api = (
        "module 'spacy_bert_ner' has no attribute {name!r}. The functions for commands are in spacy_bert_ner.api: "
        "spacy_bert_ner.api.{name}(...)"
    )
    bad_argument = (
        "{function}({name}={value!r}) is invalid. Allowed: a whole number of at least {least}. Pass such a number, or "
        "omit the argument for its default."
    )
    no_pipelines = (
        "No pipelines were passed. Pass at least one folder or name of an installed package: "
        'evaluate("training/model-best", "corpus/test.spacy")'
    )
    export_target = "to={to!r} is invalid. Allowed: {allowed}. Pass one of these, or omit the argument."
    dev_missing = (
        "The argument dev is missing. The exported pipeline is compared with the original one on held-out examples: "
        'dev="corpus/dev.spacy". To export without a comparison: to="hf" or to="onnx"'
    )
    dev_not_used = 'dev is only allowed with to="pipeline", not with to={to!r}. Omit dev, or omit to.'
