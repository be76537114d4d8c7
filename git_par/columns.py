"""How a table fits where it is shown: columns of cells, a last one that is broken at spaces, or a paragraph a row.

Widths are those of a terminal, where a sign of a wide script takes two cells and a combining one none.
"""

from collections.abc import Sequence

from git_par.colour import STATES, Style, painted

_GAP = "  "
_LEAST = 20
"""So many cells make a column of broken lines that can be read; with fewer, each row becomes a paragraph."""

Row = Sequence[str]


def cells(text: str) -> int:
    """How many cells `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # needed where names are in other scripts only

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it up to `width` cells."""
    return text + " " * (width - cells(text))


def drawn(headings: Row, rows: Sequence[Row], width: int | None, *, coloured: bool = False) -> list[str]:
    """The lines of a table that is at most `width` cells wide, as far as its words allow; None is any width."""
    widths = [max(map(cells, column)) for column in zip(headings, *rows, strict=True)]
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    if width is not None and before + widths[-1] > width:
        words = [word for row in (headings, *rows) for word in row[-1].split(" ")]
        if width - before < max(_LEAST, *map(cells, words)):
            return [line for row in rows for line in _paragraph(headings, row, width, coloured=coloured)]
        widths[-1] = width - before
    shown = _row(headings, widths, [Style.HEADING] * len(widths), coloured=coloured)
    for row in rows:
        shown += _row(row, widths, list(map(_style, headings, row)), coloured=coloured)
    return shown


def _style(heading: str, cell: str) -> Style | None:
    return STATES.get(cell) if heading == "STATE" else None


def _row(row: Row, widths: Sequence[int], styles: Sequence[Style | None], *, coloured: bool) -> list[str]:
    """A row, with as many lines as its last cell needs."""
    first, *more = broken(row[-1], widths[-1])
    cells_shown = [
        painted(cell, style if coloured else None) + " " * (width - cells(cell))
        for cell, width, style in zip((*row[:-1], first), widths, styles, strict=True)
    ]
    indent = " " * (sum(widths[:-1]) + len(_GAP) * (len(widths) - 1))
    return [_GAP.join(cells_shown).rstrip(), *(indent + line for line in more)]


def _paragraph(headings: Row, row: Row, width: int, *, coloured: bool) -> list[str]:
    """A row as a paragraph: its first cell, and below it the others, each behind its heading."""
    lines = [f"{headings[0]} {row[0]}"]
    plain = [""]
    for heading, cell in list(zip(headings, row, strict=True))[1:]:
        if not cell:
            continue
        text = f"{heading} {cell}"
        if plain[-1] and cells(plain[-1]) + cells(text) + len(_GAP) > width:
            plain.append("")
        if cells(text) + len(_GAP) <= width:
            plain[-1] += _GAP + text
        else:
            first, *more = broken(text, width - 2 * len(_GAP))
            plain[-1:] = [_GAP + first, *(2 * _GAP + line for line in more), ""]
    lines += [line for line in plain if line]
    if not coloured:
        return lines
    told = [painted(headings[0], Style.HEADING) + lines[0][len(headings[0]) :], *lines[1:]]
    for heading, cell in zip(headings, row, strict=True):
        if style := _style(heading, cell):
            told = [line.replace(f"  {heading} {cell}", f"  {heading} {painted(cell, style)}") for line in told]
    return told


def broken(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at spaces; a word that is longer stays whole, to be copied."""
    if cells(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
