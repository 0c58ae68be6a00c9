"""The page of ``jaxsim reproduce all --out DIR``: whole, without anything from elsewhere, legible."""

import os
import re
import shutil
from html.parser import HTMLParser

import pytest

from jaxsim.plots.page import Page
from jaxsim.results import Claim, Curve, GraphMap, HeatMap, Item, Panel, Paper, Report

LONG = "a_word_without_any_place_to_break_it_" * 4
CURVES = tuple(Curve(f"curve {i}", (1.0, 9.0, 100.0), (1.0, 2.0, 3.0 + i)) for i in range(8))
REPORTS = (
    Report(
        "x.curves",
        "Curves & <maps>",
        "Nobody (2000)",
        (
            Claim("value", 1.0, 1.01, 0.02),
            Claim(LONG, LONG, "no", verdict="not reproduced", note=LONG),
            Claim("reading", None, 3.0, verdict="ambiguous", note="reading A"),
        ),
        (
            Panel("p", "x [s]", "y", CURVES, log_x=True),
            HeatMap("h", "x", "y", "z", (0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (1.0, 0.0)), ("left", "right")),
            GraphMap("g", "load", ((0, 1), (1, 2)), (0.0, 1.0, 2.0)),
        ),
        wall_seconds=1.5,
    ),
    Report("x.broken", "Broken", "Nobody (2000)", (Claim("all", None, "no answer", verdict="failed"),)),
)
PAPER = Paper(
    "Nobody (2000)",
    (
        Item("Figure 1", "curves", ("x.curves",)),
        Item("Figure 2", "broken", ("x.broken",)),
        Item("Figure 3", "to come", ("x.later",)),
        Item("Figure 4", "a sketch", reason="no numbers"),
    ),
)


class Seen(HTMLParser):
    """What a browser would meet: open tags, addresses, identifiers."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [v for k, v in attrs if k in ("href", "src", "xlink:href")]
        self.ids += [v for k, v in attrs if k == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "index.html"
    page = Page(file, [PAPER])
    for report in REPORTS:
        page.add(report)
    return file


def test_every_item_has_its_verdict_or_its_reason(path):
    text = path.read_text()
    rows = {n: text[text.index(f"<b>Figure {n}</b>") :].split("</tr>")[0] for n in range(1, 5)}
    assert all(word in rows[1] for word in ("not reproduced", "ambiguous", "reproduced", '#x.curves"'))
    assert "failed" in rows[2] and "not run yet" in rows[3] and "no numbers" in rows[4]
    assert "jaxsim reproduce x.curves --scale smoke --seed 0" in text and "1.5 s" in text
    assert "1.010 ± 0.020" in text and "Curves &amp; &lt;maps&gt;" in text and "none printed" in text


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(path):
    text = path.read_text()
    seen = Seen(text)
    assert not seen.open and "<script" not in text and "@import" not in text
    assert all(link.startswith(("#", "data:")) for link in seen.links)
    assert not re.findall(r"url\((?!#)", text)
    assert {link[1:] for link in seen.links if link.startswith("#")} <= set(seen.ids)
    assert text.count("<svg") == 3 and "prefers-color-scheme: dark" in text
    assert "#000000" not in text  # black would not be seen in the dark


def test_the_page_is_there_after_the_first_report(tmp_path):
    page = Page(tmp_path / "deep" / "index.html", [PAPER])
    page.add(REPORTS[1])
    file = tmp_path / "deep" / "index.html"
    assert "1 of 3 experiments done" in file.read_text()
    mask = os.umask(0)
    os.umask(mask)
    assert (
        file.stat().st_mode & 0o777 == 0o666 & ~mask
    )  # others may read it where the user's files may be read
    page.add(REPORTS[0], REPORTS[1])
    text = file.read_text()
    assert "2 of 3 experiments done" in text and text.index('id="x.broken"') < text.index('id="x.curves"')


def browser():
    """Return a running headless Chromium, or skip and say how to get one."""
    how = "pip install playwright; playwright install chromium (or name a Chromium in JAXSIM_BROWSER)"
    playwright = pytest.importorskip("playwright.sync_api", reason=f"no headless browser: {how}")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")
    found = os.environ.get("JAXSIM_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    driver = playwright.sync_playwright().start()
    try:
        return driver, driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
    except playwright.Error as error:
        driver.stop()
        pytest.skip(f"no headless browser ({str(error).splitlines()[0]}): {how}")


def test_in_a_browser_nothing_is_missing_and_nothing_sticks_out(path):
    driver, chromium = browser()
    try:
        for width in (360, 1280):
            for scheme in ("light", "dark"):
                tab = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                trouble, asked = [], []
                tab.on("console", lambda message, t=trouble: t.append(message.text))
                tab.on("pageerror", lambda error, t=trouble: t.append(str(error)))
                tab.on("request", lambda request, a=asked: a.append(request.url))
                tab.goto(path.as_uri())
                assert not trouble
                assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
                assert tab.evaluate(broken) == 0
                sizes = "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
                assert all(height > 150 for height in tab.evaluate(sizes))
                ink, paper = (
                    tab.evaluate(f"getComputedStyle(document.body).{k}") for k in ("color", "backgroundColor")
                )
                lightness = [sum(map(int, re.findall(r"\d+", c)[:3])) for c in (ink, paper)]
                assert (lightness[0] > lightness[1]) == (scheme == "dark")
                tab.close()
    finally:
        chromium.close()
        driver.stop()
