"""What `git par conflicts` found, as a picture (SVG) and as a page (HTML): one file each, without scripts.

The number of files stands in each cell, so that nothing depends on telling colours apart; everything that came from names
and paths is escaped.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape

from git_par.commands.conflicts_report import Forecast

_CELL = 18
_FONT = 6.7
"""About how wide a character is, in the same unit as everything here: CSS pixels."""
_LONGEST = 32

_TITLE_FONT = 8
"""The same of the title."""

# Not every program that draws knows what the general names stand for; so there are some that it may have as well.
_MONO = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'
_SANS = 'system-ui,"Segoe UI","DejaVu Sans","Liberation Sans",Arial,sans-serif'

_COLOURS = (
    """
.g{font:11px MONO;fill:#1f2328}
.g .title{font:600 15px SANS}.g .small{font:12px SANS;fill:#59636e}
.g .page{fill:#fff}.g .clean{fill:#eef1f4}.g .self{fill:#d5dbe1}
.g .c1{fill:#ffc2b4}.g .c2{fill:#f4836d}.g .c3{fill:#c8321f}
.g .n{text-anchor:middle;pointer-events:none}.g .n3{fill:#fff}
.g .hit:hover rect,.g .hit:focus rect{stroke:#1f2328;stroke-width:1.5}
@media (prefers-color-scheme:dark){
.g{fill:#e6edf3}.g .small{fill:#9198a1}.g .page{fill:#0d1117}.g .clean{fill:#1c2430}.g .self{fill:#343d49}
.g .c1{fill:#6b2c22}.g .c2{fill:#a13c2b}.g .c3{fill:#f0705a}.g .n3{fill:#0d1117}
.g .hit:hover rect,.g .hit:focus rect{stroke:#e6edf3}}
""".replace("\n", "")
    .replace("MONO", _MONO)
    .replace("SANS", _SANS)
)

_PAGE = (
    """
:root{color-scheme:light dark}
body{font:15px/1.5 SANS;margin:2rem auto;max-width:75rem;padding:0 1rem;background:#fff;color:#1f2328}
figure{margin:1.5rem 0;overflow-x:auto}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0}
th,td{border-bottom:1px solid #d1d9e0}
code{font:13px MONO}ul{margin:0;padding-left:1.1rem}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th,td{border-color:#3d444d}}
""".replace("\n", "")
    .replace("MONO", _MONO)
    .replace("SANS", _SANS)
)


def svg(forecast: Forecast) -> str:
    """The matrix as a file of its own."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_drawing(forecast)}\n'


def html(forecast: Forecast) -> str:
    """The matrix, every collision with its files, and the order."""
    rows = [(_text(one.a), _text(one.b), one.files) for one in forecast.pairs]
    rows += [(_text(one.a), f"{_text(one.b)} (its base)", one.files) for one in forecast.bases]
    body = [f"<h1>{_title(forecast)}</h1>", f"<figure>{_drawing(forecast)}</figure>"]
    if rows:
        body.append('<h2>Collisions</h2>\n<table><thead><tr><th scope="col">this</th><th scope="col">with</th>')
        body.append('<th scope="col">files</th></tr></thead><tbody>')
        body += [f"<tr><td>{a}</td><td>{b}</td><td>{_list('ul', files)}</td></tr>" for a, b, files in rows]
        body.append("</tbody></table>")
    if forecast.order.fits:
        body.append(f"<h2>The order that lands the most</h2>\n{_list('ol', forecast.order.fits)}")
    if forecast.order.rest:
        body.append(f"<h2>Not beside them</h2>\n{_list('ul', forecast.order.rest)}")
    if forecast.uncommitted:
        body.append(f"<h2>Uncommitted work counts in</h2>\n{_list('ul', forecast.uncommitted)}")
    if forecast.notes:
        notes = (f"<li><code>{_text(name)}</code>: {_text(detail)}</li>" for name, detail in forecast.notes)
        body.append(f"<h2>Notes</h2>\n<ul>{''.join(notes)}</ul>")
    inner = "\n".join(body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{_title(forecast)}</title>\n<style>{_PAGE}</style>\n</head>\n<body>\n{inner}\n</body>\n</html>\n"
    )


def _drawing(forecast: Forecast) -> str:
    names = forecast.names
    side = len(names) * _CELL
    label = max((min(len(name), _LONGEST) for name in names), default=4) * _FONT + 16
    top = 62 + max(label, 50)
    width, height = max(label + side + 2 * _CELL + 24, 430, len(_title(forecast)) * _TITLE_FONT + 24), top + side + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="g" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{_title(forecast)}</title>',
        f'<desc id="desc">{_description(forecast)}</desc>',
        f"<style>{_COLOURS}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="title" x="12" y="26">{_title(forecast)}</text>',
        '<text class="small" x="12" y="46">files in conflict, row with column; point at a cell for their names</text>',
        *_grid(names, label, top, side),
        *_hits(forecast, label, top, side),
        *_key(top + side + 18),
        "</svg>",
    ]
    return "\n".join(parts)


def _grid(names: Sequence[str], left: float, top: float, side: int) -> Iterator[str]:
    base = left + side + _CELL * 0.5
    for at, name in enumerate(names):
        here, middle = at * _CELL, at * _CELL + _CELL / 2
        shown = _text(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")
        full = f"<title>{_text(name)}</title>"
        yield f'<text text-anchor="end" x="{left - 8:.1f}" y="{top + middle + 4:.1f}">{shown}{full}</text>'
        turned = f"translate({left + middle + 4:.1f} {top - 8:.1f}) rotate(-90)"
        yield f'<text transform="{turned}">{shown}{full}</text>'
        # One shape a row: a hundred tasks are ten thousand cells.
        cells = "".join(
            f"M{left + one * _CELL:.1f} {top + here:.1f}h{_CELL - 2}v{_CELL - 2}h-{_CELL - 2}z"
            for one in range(len(names))
        )
        yield f'<path class="clean" d="{cells}M{base:.1f} {top + here:.1f}h{_CELL - 2}v{_CELL - 2}h-{_CELL - 2}z"/>'
        yield f'<rect class="self" x="{left + here:.1f}" y="{top + here:.1f}" width="{_CELL - 2}" height="{_CELL - 2}"/>'
    if names:
        yield f'<text transform="translate({base + _CELL / 2 + 4:.1f} {top - 8:.1f}) rotate(-90)">base</text>'


def _hits(forecast: Forecast, left: float, top: float, side: int) -> Iterator[str]:
    place = {name: at for at, name in enumerate(forecast.names)}
    cells = [(place[one.a], left + place[one.b] * _CELL, one) for one in forecast.pairs]
    cells += [(place[one.b], left + place[one.a] * _CELL, one) for one in forecast.pairs]
    cells += [(place[one.a], left + side + _CELL * 0.5, one) for one in forecast.bases]
    for row, x, one in cells:
        y, count = top + row * _CELL, len(one.files)
        level = 1 if count == 1 else 2 if count < 5 else 3
        number = str(count) if count < 100 else '<tspan font-size="8">99+</tspan>'
        files = "\n".join(_text(file) for file in one.files[:20]) + ("\n…" if count > 20 else "")
        yield (
            f'<g class="hit"><title>{_text(one.a)} with {_text(one.b)}:\n{files}</title>'
            f'<rect class="c{level}" x="{x:.1f}" y="{y:.1f}" width="{_CELL - 2}" height="{_CELL - 2}"/>'
            f'<text class="n n{level}" x="{x + _CELL / 2 - 1:.1f}" y="{y + _CELL / 2 + 3:.1f}">'
            f"{number}</text></g>"
        )


def _key(y: float) -> Iterator[str]:
    for at, (name, text) in enumerate((("clean", "none"), ("c1", "1 file"), ("c2", "2 to 4"), ("c3", "5 or more"))):
        yield f'<rect class="{name}" x="{12 + at * 80}" y="{y:.0f}" width="12" height="12"/>'
        yield f'<text class="small" x="{29 + at * 80}" y="{y + 10:.0f}">{text}</text>'


def _title(forecast: Forecast) -> str:
    pairs, bases = len(forecast.pairs), len(forecast.bases)
    told = [f"{pairs} colliding pair{'s' if pairs != 1 else ''}"] if pairs or not bases else []
    told += [f"{bases} in conflict with {'its' if bases == 1 else 'their'} base"] if bases else []
    what = "tasks" if forecast.tasks.issuperset(forecast.names) else "branches"
    return f"{len(forecast.names)} {what}: {', '.join(told)}"


def _description(forecast: Forecast) -> str:
    said = [f"{one.a} with {one.b}" for one in (*forecast.pairs, *forecast.bases)]
    more = f" and {len(said) - 20} more" if len(said) > 20 else ""
    return _text("; ".join(said[:20]) + more) if said else "Nothing collides."


def _list(kind: str, entries: Sequence[str]) -> str:
    return f"<{kind}>{''.join(f'<li><code>{_text(entry)}</code></li>' for entry in entries)}</{kind}>"


def _text(text: str) -> str:
    """`text` for a document: what XML cannot hold is spelled out."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    plain = re.sub("[\x00-\x1f\x7f-\x9f\ufffe\uffff]", lambda found: found[0].encode("unicode_escape").decode(), plain)
    return escape(plain)
