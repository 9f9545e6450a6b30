"""Appearance of pages and plots: bilingual templates, fonts, colours and axes."""
