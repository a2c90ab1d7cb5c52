"""A Streamlit app for trying pipelines on your own texts. To start it, run `python -m spacy bert-ner visualize`."""
