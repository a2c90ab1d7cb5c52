"""A web page on which anyone can try a pipeline: `python -m spacy bert-ner visualize`."""
