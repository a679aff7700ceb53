"""One small demo night and one UI over it for the whole tier; each test gets a page and leaves a
screenshot.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from customer_intel_tests.browser.ui import DEMO_NIGHT, Ui, customer_intel, serve

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "Debian's chromium is needed: apt-get install chromium, or name one in CHROMIUM"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def night_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the command line ran one small demo night."""
    home = tmp_path_factory.mktemp("browser") / "home"
    done = customer_intel("demo", "--home", str(home), "--customers", "120", "--json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f'"as_of": "{DEMO_NIGHT}"' in done.stdout
    return home


@pytest.fixture
def copied_home(night_home: Path, tmp_path: Path) -> Path:
    """The demo night's data in a home of its own, without Dagster's history of it."""
    home = tmp_path / "home"
    shutil.copytree(
        night_home, home, symlinks=True, ignore=shutil.ignore_patterns(".dagster", ".lock")
    )
    return home


@pytest.fixture(scope="session")
def ui(night_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    log = tmp_path_factory.mktemp("ui") / "dev.log"
    with serve(night_home, log, CUSTOMER_INTEL_SCHEDULE_RUNNING="false") as running:
        yield running


@pytest.fixture
def page(browser: Browser, ui: Ui) -> Iterator[Page]:
    """A fresh page that may load nothing but from the UI itself."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, base_url=ui.url)
    elsewhere: list[str] = []
    context.on(
        "request",
        lambda request: elsewhere.append(request.url) if _leaves(request.url, ui.url) else None,
    )
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()
    assert elsewhere == []


@pytest.fixture
def screenshot(page: Page, tmp_path: Path) -> Callable[[str], None]:
    folder = Path(os.environ.get("CUSTOMER_INTEL_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.wait_for_timeout(800)  # the graph and the panels fade in
        page.screenshot(path=folder / f"{name}.png")

    return take


def _leaves(url: str, base: str) -> bool:
    return not url.startswith((base, "data:", "blob:", base.replace("http", "ws")))
