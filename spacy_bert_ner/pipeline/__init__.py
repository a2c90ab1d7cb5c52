"""The spaCy component `bert_ner`."""
