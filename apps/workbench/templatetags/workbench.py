"""Tags of the screens: money, badges, times and links; each row of a list uses them, so they are plain and fast."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.http import QueryDict
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core import clock
from apps.core.errors import BadInput
from apps.core.money import minor_units
from apps.workbench.runbook import rendered
from apps.workbench.words import Look, severity_look, spoken, state_look

register = template.Library()
register.filter("spoken", spoken)
register.filter("markdown", rendered)

_SHAPES = {
    "danger": '<circle cx="5" cy="5" r="5"/>',
    "warn": '<circle cx="5" cy="5" r="4" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    '<path d="M5 1a4 4 0 0 1 0 8z"/>',
    "info": '<circle cx="5" cy="5" r="3.75" fill="none" stroke="currentColor" stroke-width="2"/>',
    "ok": '<path d="M1 5.5 4 8.500 9 2" fill="none" stroke="currentColor" stroke-width="2"/>',
    "neutral": '<path d="M1 5h8" fill="none" stroke="currentColor" stroke-width="2"/>',
}
_SHAPE = {
    tone: mark_safe(  # noqa: S308 - our own constants
        f'<svg class="badge__shape" viewBox="0 0 10 10" fill="currentColor" aria-hidden="true">{drawing}</svg>'
    )
    for tone, drawing in _SHAPES.items()
}
_STEPS = ((timedelta(days=2), 86400, "d"), (timedelta(hours=1), 3600, "h"), (timedelta(minutes=1), 60, "min"))
_SOON = timedelta(hours=4)


@register.simple_tag
def badge(tone: str, word: str) -> SafeString:
    """A badge of one tone with its word."""
    return format_html('<span class="badge" data-tone="{}">{}{}</span>', tone, _SHAPE[tone], word)


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """The badge of a state."""
    return _looking(state_look(state))


@register.simple_tag
def severity_badge(severity: str) -> SafeString:
    """The badge of a severity."""
    return _looking(severity_look(severity))


@register.simple_tag
def money(amount: Decimal | None, currency: str, size: str = "") -> SafeString:
    """An amount with its currency code before it; a credit has a minus sign and says so in words as well."""
    if amount is None or not currency:
        return mark_safe('<span class="muted" aria-label="no amount">&ndash;</span>')
    figure = formats.number_format(abs(amount), decimal_pos=_digits(currency), force_grouping=True)
    sign, word = ("\N{MINUS SIGN}", " credit") if amount < 0 else ("", "")
    return format_html(
        '<span class="money" data-size="{}"><span class="money__currency">{}</span> {}{}{}</span>',
        size, currency, sign, figure, word,
    )  # fmt: skip


@register.simple_tag
def reltime(at: datetime | None) -> SafeString:
    """How long ago, or how far ahead, an instant is; its title has the instant in the reader's zone."""
    if at is None:
        return mark_safe('<span class="muted">&ndash;</span>')
    return _time(at, _distance(at - clock.now()))


@register.simple_tag
def due(at: datetime | None, closed: bool = False) -> SafeString:
    """A due time: overdue and soon due are marked in words and colour, unless the matter is closed."""
    if at is None or closed:
        return reltime(at)
    left = at - clock.now()
    if left < timedelta(0):
        return _due_badge("danger", at, f"{_size(-left)} overdue")
    if left < _SOON:
        return _due_badge("warn", at, _distance(left))
    return _time(at, _distance(left))


@register.simple_tag
def instant(at: datetime | None) -> SafeString:
    """An instant in the reader's zone, in full."""
    if at is None:
        return mark_safe('<span class="muted">&ndash;</span>')
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), _full(at))


@register.simple_tag
def took(start: datetime | None, end: datetime | None) -> str:
    """How long something took, in the unit that fits."""
    if start is None or end is None:
        return ""
    return duration((end - start).total_seconds())


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``184 ms``, ``2.4 s``, ``3 h 04 min``."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if seconds < 2 * 86400:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    return f"{int(seconds // 86400)} d {int(seconds % 86400 // 3600):02d} h"


@register.simple_tag
def tone_of(state: str) -> str:
    """The tone of a state, for what is coloured beside its badge."""
    return state_look(state).tone


@register.simple_tag(takes_context=True)
def query_with(context: template.Context, **changes: Any) -> str:
    """The present query string with some parameters changed; an empty value removes its parameter."""
    query: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in ("", None):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else context["request"].path


def _looking(look: Look) -> SafeString:
    return format_html('<span class="badge" data-tone="{}">{}{}</span>', look.tone, _SHAPE[look.tone], look.word)


def _due_badge(tone: str, at: datetime, words: str) -> SafeString:
    return format_html(
        '<time class="badge" data-tone="{}" datetime="{}" title="{}">{}{}</time>',
        tone, at.isoformat(), _full(at), _SHAPE[tone], words,
    )  # fmt: skip


def _time(at: datetime, words: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), _full(at), words)


def _full(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'j M Y H:i:s')} {local.tzname()}"


def _distance(span: timedelta) -> str:
    if abs(span) < timedelta(minutes=1):
        return "now"
    return f"in {_size(span)}" if span > timedelta(0) else f"{_size(-span)} ago"


def _size(span: timedelta) -> str:
    for least, seconds, unit in _STEPS:
        if span >= least:
            return f"{int(span.total_seconds() // seconds)} {unit}"
    return "1 min"


def _digits(currency: str) -> int:
    try:
        return minor_units(currency)
    except BadInput:
        return 2
