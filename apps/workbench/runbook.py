"""Runbooks: Markdown of the catalogue as HTML. Raw HTML in the text stays text."""

from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable("table")


@lru_cache(maxsize=512)
def rendered(text: str) -> SafeString:
    """Safe HTML of a runbook; links keep only the protocols that markdown-it trusts."""
    return mark_safe(_MARKDOWN.render(text))  # noqa: S308 - html is off, so all that the text brings is escaped
