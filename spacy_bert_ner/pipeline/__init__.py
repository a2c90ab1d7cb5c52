"""Implement the spaCy component `bert_ner`: settings, training, prediction, calibration and serialization."""
