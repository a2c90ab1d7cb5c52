"""The former place of the server; see `spacy_bert_ner.serving.app`."""
