"""Former package of the server, kept for existing import paths; see `spacy_bert_ner.serving.app`."""
