"""The HTML page in a browser: only the file is asked for, audio and time line share their seconds, the keyboard does everything."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from load import Load, write_pcap
from playwright.sync_api import sync_playwright
from wire_script import write_capture

from analyzer.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CAPTURES = Path(__file__).parents[2] / "captures"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
AGENT = """
0.0 client GET /v1/agent/converse
0.0 server 101
0.1 client text {"type":"Settings","audio":{"input":{"encoding":"linear16","sample_rate":16000},"output":{"encoding":"linear16"}}}
0.2 client audio 3200 x20 every 0.1
2.4 server audio 4800 x10 every 0.1
2.5 client text {"type":"KeepAlive"}
4.0 server text {"type":"ConversationText","role":"user","content":"</script><script>alert(1)</script><b>hello</b> \\u202egnp.exe"}
4.1 server close 1000 "done <i>now</i>"
4.1 client close 1000
"""
FIGURES = 100_000
"""Frames of the long session."""

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="tests of the page run where the browser is one of the system"),
]


@dataclass
class Seen:
    """What a page did that it must not do."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One browser for the module."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=list(ARGUMENTS))
        yield opened
        opened.close()


Open = Callable[..., "Page"]


@pytest.fixture
def show(browser: "Browser") -> Iterator[Open]:
    """Open a file; in the end nothing was said on the console, and nothing else was asked for."""
    contexts, seen = [], Seen()

    def opened(path: Path, *, width: int = 1280, dark: bool = False, **options: Any) -> "Page":  # noqa: ANN401 - Playwright's
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: seen.said.append(message.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not seen.said
    assert not [url[:100] for url in seen.asked if not url.startswith(("file:", "data:", "blob:"))]
    assert len([url for url in seen.asked if url.startswith("file:")]) == len(contexts)


def made(path: Path, *captures: Path) -> Path:
    """Write the page of some captures, as the command does."""
    result = CliRunner().invoke(main, ["report", *map(str, captures), "--format", "html", "-o", str(path)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages of this module are."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def silent(folder: Path) -> Path:
    """A session with a gap, closed by the server."""
    return made(folder / "silent.html", CAPTURES / "silence-gap-net-0001" / "capture.pcap")


@pytest.fixture(scope="module")
def agent(folder: Path) -> Path:
    """A session with audio of both sides, and text that wants to be markup."""
    return made(folder / "agent.html", write_capture(AGENT, folder / "agent.pcap"))


@pytest.fixture(scope="module")
def several(folder: Path) -> Path:
    """Several captures: rejected, encrypted, cut, healthy."""
    names = ("upgrade-rejected-401", "port-reuse", "tls-without-keys", "midsession", "connection-refused")
    return made(folder / "several.html", *(CAPTURES / name / "capture.pcap" for name in names))


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    """A session of more than a hundred thousand frames: some two minutes in messages of a millisecond."""
    write_pcap(folder / "long.pcap", Load(1, FIGURES // 1000, 16, 16_000).packets())
    return made(folder / "long.html", folder / "long.pcap")


def value(page: "Page", selector: str, name: str) -> float:
    """A number in an attribute."""
    return float(page.locator(selector).first.get_attribute(name) or "nan")


def until(page: "Page", expression: str) -> None:
    """Wait until an expression holds. Playwright's own way evaluates text in the page, which the policy forbids."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def drawn(page: "Page") -> None:
    """Wait until what was asked for is on the screen: rows and time line are drawn once per picture."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def cursor(page: "Page") -> float:
    """The second at which the time line's cursor stands."""
    return value(page, ".lanes", "aria-valuenow")


def test_audio_plays_and_the_cursor_with_it(show: Open, silent: Path) -> None:
    page = show(silent)
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('audio').currentTime > 0.3")
    page.get_by_role("button", name="Pause").click()
    until(page, "document.querySelector('audio').paused")
    at = page.evaluate("document.querySelector('audio').currentTime")
    until(page, "document.querySelector('.lanes').getAttribute('aria-valuenow') > 0.2")
    assert cursor(page) == pytest.approx(at, abs=0.15)


def test_a_click_on_the_time_line_seeks_the_audio(show: Open, silent: Path) -> None:
    page = show(silent)
    box = page.locator(".lanes").bounding_box()
    assert box is not None
    left, right = 92, box["width"] - 12
    page.mouse.click(box["x"] + left + (right - left) / 2, box["y"] + 60)
    length = value(page, ".lanes", "aria-valuemax")
    assert cursor(page) == pytest.approx(length / 2, abs=length / 200)
    until(page, f"Math.abs(document.querySelector('audio').currentTime - {cursor(page)}) < 0.01")


def test_both_sides_play_together(show: Open, agent: Path) -> None:
    page = show(agent)
    assert page.locator("audio").count() == 2
    page.locator(".lanes").focus()
    page.keyboard.press("Space")
    until(page, "[...document.querySelectorAll('audio')].every(sound => sound.currentTime > 0.2)")
    times = page.evaluate("[...document.querySelectorAll('audio')].map(sound => sound.currentTime)")
    assert times[0] == pytest.approx(times[1], abs=0.2)
    page.get_by_label("server", exact=True).uncheck()
    assert page.evaluate("[...document.querySelectorAll('audio')].map(sound => sound.muted)") == [False, True]


def test_the_time_line_zooms_by_wheel_and_keys(show: Open, silent: Path) -> None:
    page = show(silent)
    line = page.locator(".lanes")
    page.get_by_label("in the part shown above").check()
    every = page.locator(".count").inner_text()
    line.focus()
    page.keyboard.press("End")
    assert cursor(page) == pytest.approx(value(page, ".lanes", "aria-valuemax"), abs=0.001)
    line.focus()
    page.keyboard.press("+")
    until(page, f"document.querySelector('.count').textContent != {every!r}")
    assert page.locator(".count").inner_text().endswith("of 35 are shown")
    page.keyboard.press("0")
    assert page.locator(".count").inner_text() == every
    line.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    until(page, f"document.querySelector('.count').textContent != {every!r}")
    page.get_by_role("button", name="Show all").click()
    assert page.locator(".count").inner_text() == every
    page.keyboard.press("Home")
    line.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert 0 < cursor(page) < 1
    assert "s" in (line.get_attribute("aria-valuetext") or "")


def test_the_wheel_scrolls_the_page_unless_it_zooms(show: Open, silent: Path) -> None:
    page = show(silent)
    page.locator(".lanes").hover()
    page.mouse.wheel(0, 300)
    until(page, "scrollY > 100")


def test_filters_change_rows_and_say_how_many(show: Open, silent: Path) -> None:
    page = show(silent)
    count, grid = page.locator(".count"), page.locator(".grid")
    assert count.inner_text() == "All 35 are shown"
    page.get_by_label("Sender").select_option("server")
    assert count.inner_text() == "4 of 35 are shown"
    assert page.locator("#status").inner_text() == "4 of 35 are shown"
    assert grid.get_attribute("aria-rowcount") == "5"
    drawn(page)
    assert set(page.locator(".row:not([hidden]) [aria-colindex='3']").all_inner_texts()) == {"server"}
    page.get_by_label("Sender").select_option("both sides")
    page.get_by_label("Search the frames").fill("quick brown")
    assert count.inner_text() == "2 of 35 are shown"
    drawn(page)
    for said in page.locator(".row:not([hidden]) .content span").all_inner_texts():
        assert 0 < said.index("quick brown") < 30  # the column shows what was found, not the beginning
    page.get_by_label("Search the frames").fill("nothing says this")
    drawn(page)
    assert page.get_by_text("No frame passes the filters.").is_visible()
    page.get_by_label("Search the frames").fill("")
    page.locator(".kinds button", has_text="close").click()
    assert count.inner_text() == "2 of 35 are shown"
    assert page.locator(".kinds button[aria-pressed='true']").count() == 1
    page.locator(".kinds button", has_text="close").click()
    assert count.inner_text() == "All 35 are shown"


def test_evidence_opens_the_frames_around_it(show: Open, silent: Path) -> None:
    page = show(silent)
    page.get_by_label("Sender").select_option("client")
    page.locator("#s1-f2").get_by_role("button", name="Frames around packet 74").click()
    drawn(page)
    chosen = page.locator(".row[aria-selected='true']")
    assert chosen.locator("[aria-colindex='6']").inner_text() == "74"
    assert chosen.locator("[aria-colindex='4']").inner_text() == "close 1011"
    assert chosen.is_visible()
    assert page.evaluate("document.activeElement.className") == "grid"
    identifier = page.locator(".grid").get_attribute("aria-activedescendant")
    assert identifier == chosen.get_attribute("id")
    assert "frame.number == 74" in page.locator(".detail").inner_text()
    assert cursor(page) == pytest.approx(14.923, abs=0.01)
    page.keyboard.press("ArrowUp")
    drawn(page)
    assert page.locator(".row[aria-selected='true'] [aria-colindex='1']").text_content() == "33"
    page.keyboard.press("Home")
    drawn(page)
    assert page.locator(".row[aria-selected='true'] [aria-colindex='1']").text_content() == "1"


def test_the_place_of_a_finding_is_shown_on_the_time_line(show: Open, silent: Path) -> None:
    page = show(silent)
    page.locator("#s1-f1").get_by_role("button", name="from 2.92 s to 14.92 s").click()
    assert cursor(page) == pytest.approx(2.916, abs=0.01)
    assert page.evaluate("document.activeElement.className") == "lanes"


def test_captured_text_stays_text(show: Open, agent: Path) -> None:
    page = show(agent)
    page.get_by_label("Search the frames").fill("hello")
    drawn(page)
    page.locator(".row:not([hidden])").first.click()
    assert "</script><script>alert(1)</script><b>hello</b>" in page.locator(".detail pre").inner_text()
    assert page.locator("b", has_text="hello").count() == 0
    assert "\\u202egnp.exe" in page.locator(".detail pre").inner_text()
    assert "\u202e" not in page.locator(".detail pre").inner_text()


def test_dark_and_light_can_be_switched(show: Open, silent: Path) -> None:
    page = show(silent)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between dark and light").click()
    dark = page.evaluate(ground)
    assert dark != light
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert show(silent, dark=True).evaluate(ground) == dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("which", ["silent", "agent", "several"])
def test_nothing_is_out_of_reach(show: Open, request: pytest.FixtureRequest, which: str, width: int, dark: bool) -> None:
    page = show(request.getfixturevalue(which), width=width, dark=dark, bypass_csp=True)  # axe is a script of its own
    for session in page.locator("details.session").all():
        session.evaluate("one => { one.open = true; one.scrollIntoView(); }")
    until(page, "[...document.querySelectorAll('.browser')].every(one => !one.hidden)")
    if page.locator(".row:not([hidden])").count():
        page.locator(".row:not([hidden])").first.click()
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page).response["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_names_of_captures_are_whole_on_a_narrow_screen(show: Open, several: Path) -> None:
    page = show(several, width=400)
    ends = page.evaluate("[...document.querySelectorAll('.sessions tr.of span')].map((name) => name.getBoundingClientRect().right)")
    assert len(ends) == 5
    assert max(ends) <= 400


def test_links_open_the_session_they_lead_to(show: Open, several: Path) -> None:
    page = show(several)
    healthy = page.locator("#c2s4")
    assert healthy.get_attribute("open") is None
    page.locator("a[href='#c2s4']").click()
    until(page, "document.querySelector('#c2s4').open")
    until(page, "!document.querySelector('#c2s4 .stage').hidden")


def test_print_shows_everything_that_was_found(show: Open, silent: Path) -> None:
    page = show(silent, dark=True)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for finding in page.locator("article.finding").all():
        assert finding.is_visible()
        assert finding.locator("details p").first.is_visible()
    assert page.locator("figure svg").is_visible()
    assert not page.locator(".stage").is_visible()
    assert not page.locator(".frames h3").is_visible()  # a heading of nothing
    labels = "[...document.querySelectorAll('figure text')].map((label) => label.getBoundingClientRect().left)"
    assert min(page.evaluate(labels)) >= page.evaluate("document.querySelector('figure svg').getBoundingClientRect().left")
    assert page.locator("#rule-silence-gap pre").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rule-silence-gap").get_attribute("open") is None


def test_without_scripts_all_is_said_but_the_frames(show: Open, silent: Path) -> None:
    page = show(silent, java_script_enabled=False)
    assert "The client sent no audio for 12.0 s" in page.locator("h1").inner_text()
    assert page.locator("figure svg").is_visible()
    assert page.locator("audio").is_visible()
    assert page.get_by_text("The list of frames needs a browser that runs scripts").is_visible()
    assert page.locator("#s1-f1").get_by_text("What it means").is_visible()


def test_a_hundred_thousand_frames_are_a_few_rows(show: Open, long: Path) -> None:
    page = show(long)
    rows = int(page.locator(".grid").get_attribute("aria-rowcount") or 0) - 1
    assert rows > FIGURES
    shown = page.evaluate(
        """async (rows) => {
            const grid = document.querySelector(".grid"), found = [];
            const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            for (let step = 0; step <= 50; step++) {
                grid.scrollTop = (grid.scrollHeight - grid.clientHeight) * step / 50;
                await frame();
                const box = grid.getBoundingClientRect();
                const lines = [...grid.querySelectorAll(".row")];
                const inside = lines.filter((one) => !one.hidden && one.getBoundingClientRect().top >= box.top + 30
                    && one.getBoundingClientRect().bottom <= box.bottom + 1);
                const numbers = inside.map((one) => Number(one.dataset.row)).sort((a, b) => a - b);
                const named = (one) => (Number(one.dataset.row) + 1).toLocaleString("en");
                const said = inside.every((one) => one.firstChild.textContent === named(one));
                const at = Math.ceil((grid.scrollTop - 1) / 28);
                const together = numbers.at(-1) - numbers[0] + 1 === numbers.length;
                found.push([lines.length, numbers[0] - at, together, said, numbers.at(-1)]);
            }
            return found;
        }""",
        rows,
    )
    assert max(elements for elements, *_ in shown) < 60
    assert {first for _, first, *_ in shown} <= {0, 1}
    assert all(together and said for _, _, together, said, _ in shown)
    assert shown[-1][4] == rows - 1
    cut = (
        "[...document.querySelectorAll('.row:not([hidden]) .number')].filter((cell) => cell.scrollWidth > cell.clientWidth).length"
    )
    assert page.evaluate(cut) == 0
    page.get_by_label("Search the frames").fill("Results")
    assert page.locator(".count").inner_text() == f"100 of {rows:,} are shown"
