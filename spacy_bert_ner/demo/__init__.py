"""Streamlit app for trying pipelines on your own texts: `python -m spacy bert-ner visualize`."""
