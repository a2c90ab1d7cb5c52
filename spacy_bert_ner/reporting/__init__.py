"""Render the HTML pages, charts and highlighted entities that all reports share."""
