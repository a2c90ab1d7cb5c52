"""HTML pages, charts and highlighted entities, shared by all reports."""
