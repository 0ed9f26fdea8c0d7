"""Verdicts, and the table of them."""

import statistics


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def number(value, unit=""):
    if value is None:
        return "-"
    if abs(value) >= 100:
        text = f"{value:,.0f}"
    elif abs(value) >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}"
    return f"{text} {unit}".rstrip()


TOOLS = ["floor", "clew", "gdb", "lldb", "dlv", "eu-stack"]


class Line:
    """One line of the table. Values are medians in one unit; `ratio` is judged by `limit`."""

    def __init__(self, what, unit, floor=None, clew=None, gdb=None, lldb=None, dlv=None, eu=None):
        self.what = what
        self.unit = unit
        self.values = dict(zip(TOOLS, (floor, clew, gdb, lldb, dlv, eu)))
        self.ratio = clew / floor if clew is not None and floor else None
        self.limit = ""
        self.ok = None

    def judge(self, ratio=None, most=None, least=None, limit=None, ok=None):
        """Sets the verdict: the ratio against bounds, or a verdict worked out elsewhere."""
        if ratio is not None:
            self.ratio = ratio
        if most is not None or least is not None:
            bounds = []
            if least is not None:
                bounds.append(f">= {least:g}")
            if most is not None:
                bounds.append(f"<= {most:g}")
            self.limit = " and ".join(bounds)
            if self.ratio is not None:
                self.ok = (most is None or self.ratio <= most) and (
                    least is None or self.ratio >= least
                )
        if limit is not None:
            self.limit = limit
        if ok is not None:
            self.ok = ok
        return self

    def verdict(self):
        return "" if self.ok is None else "ok" if self.ok else "MISSED"

    def cells(self, tools):
        shown = [number(self.values[k], self.unit) for k in tools]
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.what, *shown, ratio, self.limit, self.verdict()]

    def as_dict(self):
        return {
            "what": self.what,
            "unit": self.unit,
            **self.values,
            "ratio": self.ratio,
            "limit": self.limit,
            "ok": self.ok,
        }


def table(lines):
    tools = [t for t in TOOLS if any(line.values[t] is not None for line in lines)]
    titles = ["what", *tools, "ratio", "limit", ""]
    rows = [titles] + [line.cells(tools) for line in lines]
    widths = [max(len(row[c]) for row in rows) for c in range(len(titles))]
    text = []
    for row in rows:
        cells = []
        for c, cell in enumerate(row):
            left = c in (0, len(titles) - 2, len(titles) - 1)
            cells.append(cell.ljust(widths[c]) if left else cell.rjust(widths[c]))
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
