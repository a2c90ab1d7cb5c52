"""Former server package, kept for backward compatibility. Use `spacy_bert_ner.serving.app` instead."""
