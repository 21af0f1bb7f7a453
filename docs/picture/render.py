#!/usr/bin/env python3
"""Renders a terminal capture with colours (`tmux capture-pane -e -p`) to SVG: standard input to standard output.

Usage: tmux capture-pane -e -p -t NAME | docs/picture/render.py [title] > docs/picture/models.svg
Needs nothing but Python 3. `docs/picture/take` makes the pictures of the README with it.
"""
import html
import re
import sys
import unicodedata

CELL_W, CELL_H, SIZE, PAD, BAR = 8.4, 18, 14, 14, 30
BACK, FORE = "#15181e", "#c6cad3"
ANSI = ["#1d2129", "#c8553d", "#7fc98f", "#e3b566", "#6cb6ff", "#d6a8e8", "#56c2c0", "#c6cad3",
        "#5d6473", "#f07a76", "#9fe0ae", "#f2cf8d", "#9cceff", "#e8c8f5", "#86dedc", "#ffffff"]


def indexed(n):
    if n < 16:
        return ANSI[n]
    if n < 232:
        n -= 16
        level = lambda v: 0 if v == 0 else 55 + 40 * v
        return "#%02x%02x%02x" % (level(n // 36), level(n // 6 % 6), level(n % 6))
    return "#%02x%02x%02x" % ((8 + 10 * (n - 232),) * 3)


class Pen:
    def __init__(self):
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.under = self.italic = self.reverse = False

    def apply(self, codes):
        codes = [int(c or 0) for c in codes]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.reset()
            elif c in (1, 2, 3, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "reverse"}[c], True)
            elif c == 22:
                self.bold = self.dim = False
            elif c in (23, 24, 27):
                setattr(self, {23: "italic", 24: "under", 27: "reverse"}[c], False)
            elif 30 <= c <= 37:
                self.fg = ANSI[c - 30]
            elif 90 <= c <= 97:
                self.fg = ANSI[c - 82]
            elif 40 <= c <= 47:
                self.bg = ANSI[c - 40]
            elif 100 <= c <= 107:
                self.bg = ANSI[c - 92]
            elif c in (38, 48):
                kind = codes.pop(0)
                color = indexed(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "fg" if c == 38 else "bg", color)
            elif c == 39:
                self.fg = None
            elif c == 49:
                self.bg = None

    def key(self):
        fg, bg = self.fg or FORE, self.bg
        if self.reverse:
            fg, bg = bg or BACK, fg
        return fg, bg, self.bold, self.dim, self.under, self.italic


def block(ch):
    """Block elements and rules as rectangles, so that they join whatever the font: x, y, w, h in cells, opacity."""
    n = ord(ch)
    if 0x2581 <= n <= 0x2588:
        part = (n - 0x2580) / 8
        return 0, 1 - part, 1, part, 1
    if 0x2589 <= n <= 0x258F:
        return 0, 0, (0x2590 - n) / 8, 1, 1
    if ch == "─":
        return 0, 0.47, 1, 0.07, 1
    if ch == "│":
        return 0.43, 0, 0.14, 1, 1
    if ch in "░▒▓":
        return 0, 0, 1, 1, {"░": 0.3, "▒": 0.55, "▓": 0.8}[ch]
    return None


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else "remold"
    lines = sys.stdin.read().rstrip("\n").split("\n")
    pen, rows = Pen(), []
    for line in lines:
        row = []
        for part in re.split(r"(\x1b\[[0-9;:]*m)", line):
            if part.startswith("\x1b["):
                pen.apply(part[2:-1].replace(":", ";").split(";"))
            else:
                row += [(ch, pen.key()) for ch in re.sub(r"\x1b.", "", part)]
        rows.append(row)
    width = max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c, _ in r) for r in rows)
    w, h = width * CELL_W + 2 * PAD, len(rows) * CELL_H + 2 * PAD + BAR
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" height="{h:.0f}" '
           f'font-family="ui-monospace, SFMono-Regular, Menlo, \'DejaVu Sans Mono\', Consolas, monospace" font-size="{SIZE}" shape-rendering="crispEdges">',
           f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
           *(f'<circle cx="{PAD + 6 + 18 * i}" cy="18" r="5.5" fill="#444a57"/>' for i in range(3)),
           f'<text x="{w / 2:.0f}" y="22" fill="#868c9a" text-anchor="middle">{html.escape(title)}</text>']
    for y, row in enumerate(rows):
        top, x, run = y * CELL_H + PAD + BAR, 0, None

        def flush(run):
            if run and run[1].strip():
                start, text, (fg, _, bold, dim, under, italic) = run
                style = (' font-weight="bold"' if bold else "") + (' font-style="italic"' if italic else "")
                style += (' text-decoration="underline"' if under else "") + (' opacity="0.6"' if dim else "")
                length = f' textLength="{len(text) * CELL_W:.1f}" lengthAdjust="spacingAndGlyphs"' if len(text) > 1 else ""
                out.append(f'<text x="{start * CELL_W + PAD:.1f}" y="{top + 13.5:.1f}" fill="{fg}"{style}{length} '
                           f'xml:space="preserve">{html.escape(text)}</text>')

        for ch, key in row:
            cells = 2 if unicodedata.east_asian_width(ch) in "WF" else 1
            if key[1]:
                out.append(f'<rect x="{x * CELL_W + PAD:.1f}" y="{top}" width="{cells * CELL_W + 0.3:.1f}" height="{CELL_H}" fill="{key[1]}"/>')
            shape = block(ch)
            if shape or ch == " ":
                flush(run)
                run = None
            if shape:
                bx, by, bw, bh, opacity = shape
                out.append(f'<rect x="{(x + bx) * CELL_W + PAD:.1f}" y="{top + by * CELL_H:.1f}" width="{bw * CELL_W + 0.3:.1f}" '
                           f'height="{bh * CELL_H + 0.3:.1f}" fill="{key[0]}" opacity="{opacity}"/>')
            elif ch != " ":
                if run and run[2] == key and run[0] + len(run[1]) == x:
                    run = (run[0], run[1] + ch, key)
                else:
                    flush(run)
                    run = (x, ch, key)
            x += cells
        flush(run)
    print("\n".join(out + ["</svg>"]))


main()
