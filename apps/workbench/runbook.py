"""Runbooks: Markdown of the catalogue as HTML. Raw HTML in the text stays text."""

from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
# A page has one h1 and the card its h2, so the text's own headings begin below.
_DEEPER = {"h2": "h3", "h3": "h4", "h4": "h5"}


@lru_cache(maxsize=512)
def rendered(text: str) -> SafeString:
    """Safe HTML of a runbook; links keep only the protocols that markdown-it trusts."""
    tokens = _without_title(_MARKDOWN.parse(text))
    for token in tokens:
        token.tag = _DEEPER.get(token.tag, token.tag)
    return mark_safe(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S308 - html is off: what the text brings is escaped


def _without_title(tokens: list[Token]) -> list[Token]:
    """The page has said the title already."""
    has_title = bool(tokens) and tokens[0].tag == "h1"
    return tokens[3:] if has_title else tokens
