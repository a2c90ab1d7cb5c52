"""Beyond one process: a corpus annotated, and requests answered, on one machine or on many."""
