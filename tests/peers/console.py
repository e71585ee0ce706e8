"""Walks through the console in headless Chromium: console.py URL SETUP_TOKEN LOG PUMP CAPTURE.

PUMP is a pump that the appliance saw, CAPTURE the capture that it is in.

Ends with 0 if everything was as it has to be, with 77 if there is no Chromium. CHROMIUM and
CHROMEDRIVER name other programs than those on the path.
"""

import json
import os
import re
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import axe_core_python
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

BASE, TOKEN, LOG, PUMP, CAPTURE = sys.argv[1:6]
PASSWORD = "correct horse battery"
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
PATIENCE = 60
RULE = """rules:
  - id: seen-by-the-browser
    sid: 1900001
    rev: 1
    status: active
    title: An association was asked for
    severity: critical
    clinical_impact: likely
    tier: notify
    category: test
    on: dicom
    when: {when}
    explain: "{{src_ip}} asked {{dest_ip}} for an association"
    what_to_do: Nothing, this is a test.
    tests: []
"""


def start():
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    chromedriver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    if not chromium or not chromedriver:
        print("no chromium or chromedriver: apt-get install chromium chromium-driver")
        sys.exit(77)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ["--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--disable-gpu"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.set_page_load_timeout(PATIENCE)
    return driver


class Console:
    def __init__(self, driver):
        self.driver = driver

    def go(self, path):
        self.driver.get(BASE + path)

    def one(self, css):
        return WebDriverWait(self.driver, PATIENCE).until(lambda d: d.find_element(By.CSS_SELECTOR, css))

    def shown(self, css):
        """The text of something while pages come and go."""
        try:
            return self.one(css).text
        except WebDriverException:
            return ""

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self):
        return self.one("body").text

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def fill(self, **fields):
        for name, value in fields.items():
            field = self.one(f"[name='{name}']")
            if field.tag_name == "textarea":
                self.run("arguments[0].value = arguments[1]", field, value)
            else:
                field.clear()
                field.send_keys(value)

    def press(self, css):
        """Clicks, and waits for the page that follows."""
        self.run("window.before = true")
        self.one(css).click()
        WebDriverWait(self.driver, PATIENCE).until(
            lambda d: d.execute_script("return !window.before && document.readyState === 'complete'")
        )

    def press_close(self):
        self.one("dialog[open] button").click()
        self.one("h1").click()

    def until(self, what, holds):
        # While a page goes and the next one comes, looking fails in several ways.
        try:
            wait = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[WebDriverException])
            wait.until(lambda _: holds())
        except Exception:
            raise AssertionError(f"not within {PATIENCE} s: {what}\n{self.text()}") from None

    def log_in(self, name):
        self.go("/login")
        self.fill(name=name, password=PASSWORD)
        self.press("button.main")

    def complaints(self):
        """What the browser complains of: violations of the policy, errors of the script."""
        logged = self.driver.get_log("browser")
        hints = ("DEBUG", "INFO")
        return [
            one["message"] for one in logged
            if one["level"] not in hints and "Failed to load resource" not in one["message"]
        ]


def set_up(console):
    console.go("/alerts")
    assert console.driver.current_url.endswith("/setup"), console.driver.current_url
    console.fill(token="0" * 32, name="ada", password=PASSWORD, again=PASSWORD)
    console.press("button.main")
    assert "not the set-up token" in console.text(), console.text()
    assert console.one("[name=name]").get_attribute("value") == "ada", "what was typed is kept"
    console.fill(token=TOKEN, password=PASSWORD, again=PASSWORD)
    console.press("button.main")
    assert console.one("nav [aria-current=page]").text == "Now"
    console.until("it sees", lambda: "seeing" in console.one("#strip").text)


def log_in(console):
    console.press(".who button")
    console.go("/rules?state=unarmed")
    assert "/login" in console.driver.current_url
    console.fill(name="ada", password="wrong wrong wrong")
    console.press("button.main")
    assert "not its password" in console.text(), console.text()
    console.fill(name="ada", password=PASSWORD)
    console.press("button.main")
    assert console.driver.current_url.endswith("/rules?state=unarmed"), "back to where one was going"


def rows_and_csv(console, path, csv):
    """What a page's first table shows, by where its rows lead, and the first cells of its CSV."""
    console.go(path)
    rows = "return [...document.querySelector('table.rows').querySelectorAll('tr[data-href]')].map((r) => r.dataset.href)"
    shown = console.run(rows)
    text = console.run("return fetch(arguments[0]).then((r) => r.text())", csv)
    return shown, [line.split(",")[0] for line in text.splitlines()[1:]]


def look_at_a_pump(console):
    console.go("/pumps")
    console.until("the pump", lambda: PUMP in console.text())
    shown, kept = rows_and_csv(console, "/pumps?sort=-pump", "/pumps.csv?sort=-pump")
    assert shown == [f"/pumps/{name}" for name in kept], (shown, kept)
    assert kept == sorted(kept, reverse=True) and len(kept) > 3, kept
    head = console.one("thead th[aria-sort]")
    assert head.get_attribute("aria-sort") == "descending"
    console.press("thead th[aria-sort] a")
    assert console.driver.current_url.endswith("sort=pump"), "a second press turns it round"
    shown, kept = rows_and_csv(console, f"/pumps?q={PUMP}", f"/pumps.csv?q={PUMP}")
    assert kept == [PUMP] and shown == [f"/pumps/{PUMP}"], "CSV has what is shown"

    console.go(f"/pumps/{PUMP}")
    console.until("all of the shift", lambda: "stop" in console.one("#rows").text and "refused" in console.one("#rows").text)
    plots = console.all("#drawn svg[role=img]")
    assert len(plots) == 3, [plot.get_attribute("aria-labelledby") for plot in plots]
    for plot in plots:
        assert plot.find_element(By.TAG_NAME, "title").get_attribute("textContent")
        assert plot.find_element(By.TAG_NAME, "desc").get_attribute("textContent").strip()
    rates = plots[0].get_attribute("outerHTML")
    assert rates.count('class="said"') >= 40 and rates.count('class="told"') == 3 and rates.count("✕") == 1, rates
    assert 'class="last"' in rates and "pump-rate-over-limit" in rates, "a value beside the last point, and the limit"
    assert "<path class" not in rates.split("</defs>")[1], "nothing is drawn between points"
    console.run("document.querySelector('#drawn details').open = true")
    assert "ordered by 10.20.9.66" in console.one("#drawn details table").text
    by = console.one("#by").text
    assert "10.20.4.20, as VWBCMA: 3 orders, 1 refused" in by and "10.20.9.66, as VWBCMA: 1 order" in by, by
    console.go(f"/pumps/{PUMP}?span=15m")
    assert console.one("#drawn circle") and len(console.all("#drawn circle")) < 30, "a shorter span shows less"


def settle(console):
    """Tokens, a sink's test, a hold."""
    console.go("/settings#tokens")
    console.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    form = console.one("form[action='/settings/tokens']")
    form.find_element(By.NAME, "name").send_keys("a dashboard")
    console.press("form[action='/settings/tokens'] button")
    secret = console.one("#secret").text
    assert secret.startswith("vw_") and len(secret) > 40, secret
    ask = """const [secret] = arguments;
        return fetch('/api/v1/alerts', {credentials: 'omit', headers: {authorization: `Bearer ${secret}`}}).then((r) => r.status)"""
    assert console.run(ask, secret) == 200, "the token opens the API"
    console.go("/settings")
    assert secret not in console.driver.page_source, "it is shown once"
    console.press("a[href^='/settings/tokens/']")
    assert "It is 1 token, of ada" in console.text(), "what is destroyed is asked about, with its number"
    console.press("button.main")
    assert "No program has a token" in console.text()
    assert console.run(ask, secret) == 401, "taken back"

    console.press("form[action='/settings/sinks/nowhere/test'] button")
    assert "Not delivered" in console.text() and "refused" in console.text(), console.text()
    console.go("/settings")
    assert "sink.test" in console.one("#audit + .scroll").text, "and is in the audit log"
    console.until("the sink's state", lambda: console.go("/settings") or "fails" in console.one("#sink-list").text)

    console.go("/incidents")
    incident = console.one("tr[data-href]").get_attribute("data-href")
    console.go(incident)
    title = console.one("h1").text
    console.press("form[action='/settings/holds'] button")
    held = "#holds + .scroll"
    assert title in console.one(held).text, "what is held is listed"
    console.press(f"{held} button")
    assert "Nothing is held" in console.text()


def try_rules(console):
    """A rule on a capture of one's own, before it is in force; another version, and back."""
    fires = RULE.replace("on: dicom", "on: pump").format(when="pump.rate_ml_per_h > 200").replace("seen-by", "tried-by")
    fires = fires.replace("1900001", "1900002")
    console.go("/rules/upload")
    console.fill(name="tried", text=fires)
    console.press("button[value=try]")
    assert "Choose a capture" in console.text(), console.text()
    assert "tried-by" in console.one("textarea").get_attribute("value"), "nothing that was typed is lost"
    console.one("input[type=file]").send_keys(CAPTURE)
    console.press("button[value=try]")
    row = console.one("#tried tbody tr").text
    assert "tried-by-the-browser" in row and int(row.split()[-1]) >= 3, row
    console.go("/rules/tried-by-the-browser")
    assert "no rule with this id" in console.text(), "a trial changes nothing"

    before = console.go("/rules/history") or len(console.all("a[href^='/rules/history/']"))
    console.go("/rules/upload")
    console.fill(name="tried", text=fires, note="to be taken back")
    console.press("button.main")
    assert "to be taken back" in console.text()
    links = [one.get_attribute("href") for one in console.all("a[href^='/rules/history/']")]
    assert len(links) == before + 1, links
    console.driver.get(links[1])
    assert "to what is in force" in console.text(), "what rolling back would change"
    assert any("tried" in one.text for one in console.all("main h3.mono")), console.text()
    console.press("main form button")
    console.go("/rules/tried-by-the-browser")
    assert "no rule with this id" in console.text(), "rolled back"
    shown, kept = rows_and_csv(console, "/rules?sort=-severity&state=armed", "/rules.csv?sort=-severity&state=armed")
    assert shown == [f"/rules/{name}" for name in kept] and len(kept) > 20, (shown, kept)
    console.go("/rules?sort=-cost")
    costs = [one.text for one in console.all("td[data-name^=Cost]")]
    assert float(costs[0]) > 1 and any("< 0.1" in one for one in costs), costs


def handle_an_alert(console):
    console.go("/alerts")
    console.until("alerts", lambda: console.all("tr[data-href]"))
    console.one("body").send_keys("/")
    search = console.driver.switch_to.active_element
    assert search.get_attribute("name") == "q", "the key / goes to the search"
    search.send_keys("nosuchword")
    search.submit()
    console.until("nothing found", lambda: "No alert is like this" in console.text())
    console.go("/alerts?q=AE+titles&status=open")
    shown = console.run("return [...document.querySelectorAll('tr[data-href]')].map((r) => r.dataset.href)")
    assert shown
    table = console.run("return fetch('/alerts.csv?q=AE+titles&status=open').then((r) => r.text())")
    assert [f"/alerts/{line.split(',')[0]}" for line in table.splitlines()[1:]] == shown, table
    console.one("h1").click()
    console.one("body").send_keys("?")
    assert console.one("dialog[open]").text.count("\n") > 5, "the key ? lists the keys"
    console.press_close()
    for key in "jjk" if len(shown) > 1 else "j":
        console.driver.switch_to.active_element.send_keys(key)
    console.driver.switch_to.active_element.send_keys("\n")
    console.until("the alert", lambda: console.driver.current_url.endswith(shown[0]))
    for part in ["Observed", "Usual", "Why it matters", "What we could not see", "What to do", "Whom to call"]:
        assert part in console.text(), part
    console.one("h1").click()
    console.one("body").send_keys("a")
    console.until("acknowledged", lambda: "acknowledged" in console.one("#state").text)
    console.fill(text="<b>looks</b> like a scan")
    console.press("#comments button")
    assert "<b>looks</b> like a scan" in console.one("#comments").text
    console.one("[name=verdict][value=test]").click()
    console.press("fieldset button")
    assert "closed: test" in console.one("#state").text
    console.go(shown[0] + "/tune")
    assert "would have hidden" in console.text(), console.text()


def miss_nothing(console):
    """Whatever happens while a page cannot listen, is hidden or is worked in: it has it afterwards."""
    acknowledge = """const [ids, csrf] = arguments;
        return (async () => { for (const id of ids) {
          await fetch(`/api/v1/incidents/${id}/acknowledge`, {method: 'POST', headers: {'x-csrf-token': csrf}});
          await new Promise((done) => { setTimeout(done, 120); });
        } })()"""
    csrf = console.one("[name=csrf]").get_attribute("value")
    console.go("/incidents?status=open")
    fresh = console.run("return [...document.querySelectorAll('tr[data-href]')].map((row) => row.id.slice(1))")
    assert len(fresh) > 8, fresh

    def somebody_acknowledges(count):
        ids = [fresh.pop() for _ in range(count)]
        console.run(acknowledge, ids, csrf)
        return ids

    def shows(ids, path="/incidents"):
        status = "return document.querySelector(`#i${arguments[0]} .status`)?.textContent"
        for one in ids:
            console.until(f"{one} on {path}", lambda: console.run(status, one) == "acknowledged")
        assert console.run("return window.stayed"), "without loading the page again"

    def look():
        console.go("/incidents")
        console.run("window.stayed = true")

    look()
    shows(somebody_acknowledges(3))

    console.driver.execute_cdp_cmd("Network.enable", {})
    console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/v1/events"]})
    look()
    shows(somebody_acknowledges(1))
    console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    console.complaints()

    look()
    watching = console.driver.current_window_handle
    console.driver.switch_to.new_window("tab")
    console.go("/settings/password")
    ids = somebody_acknowledges(1)
    time.sleep(1)
    console.driver.close()
    console.driver.switch_to.window(watching)
    shows(ids)

    look()
    for _ in range(30):
        console.driver.switch_to.active_element.send_keys("j")
    place = "return [document.activeElement.closest('tr')?.id, document.querySelector('#rows .scroll').scrollTop]"
    at = console.run(place)
    assert at[0] and at[1] > 0, "the key j goes down the rows"
    shows(somebody_acknowledges(1))
    assert console.run(place) == at, "and who is at a row stays there"

    one = fresh.pop()
    console.go(f"/alerts?incident={one}")
    console.run("window.stayed = true")
    console.one("input[name=id]").click()
    console.run(acknowledge, [one], csrf)
    time.sleep(2)
    assert console.one("input[name=id]").is_selected(), "what was chosen stays chosen"
    console.one("input[name=id]").click()
    console.until("what waited", lambda: "acknowledged" in console.one("#rows").text)
    assert console.run("return window.stayed"), "without loading the page again"


def tell_the_truth(console):
    """Who cannot be asked is unknown, not good; times are the reader's, with UTC in the title."""
    for path, part in [("/network", "#doctor"), ("/", "#changed")]:
        console.go(path)
        assert "there is no mirror to judge" in console.one(part).text, "captures have no mirror that is good"
    console.until("it sees", lambda: "seeing" in console.one("#strip").text)
    console.driver.execute_cdp_cmd("Network.enable", {})
    console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/strip"]})
    cells = "return [...document.querySelectorAll('#strip > div')].map((cell) => `${cell.className}: ${cell.innerText}`)"
    console.until("no cell is good", lambda: all("unknown" in cell and "no answer" in cell for cell in console.run(cells)))
    console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    console.until("it sees again", lambda: "seeing" in console.one("#strip").text)
    console.complaints()
    console.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    console.go("/alerts")
    shown, title, machine = console.run("""const time = document.querySelector('tr[data-href] time');
        return [time.textContent, time.title, time.dateTime]""")
    at = datetime.fromisoformat(machine)
    assert title == at.strftime("%Y-%m-%d %H:%M:%S UTC"), (title, machine)
    assert shown == (at + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S"), (shown, machine)
    console.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def watch_an_alert_arrive(console):
    """A rule is broken and its mistake shown; mended, it fires, and another window sees that happen."""
    console.go("/rules/upload")
    broken = RULE.format(when='dicom.kindd == "associate_rq"')
    console.fill(name="browser", text=broken, note="try")
    console.press("button.main")
    at = broken[: broken.index("dicom.kindd")].count("\n") + 1
    place = console.one(".mistakes code").text
    assert re.fullmatch(rf"browser\.yaml:{at}:\d+", place), (place, at)
    assert "dicom.kind" in console.one(".mistakes").text, "did you mean"
    assert "dicom.kindd" in console.one("textarea").get_attribute("value"), "nothing that was typed is lost"
    console.go("/rules/seen-by-the-browser")
    assert "no rule with this id" in console.text()

    console.go("/alerts?rule=seen-by-the-browser")
    console.run("window.unloaded = false")
    watching = console.driver.current_window_handle
    assert not console.all("tr[data-href]")
    console.driver.switch_to.new_window("tab")
    console.go("/rules/upload")
    console.fill(name="browser", text=RULE.format(when='dicom.kind == "associate_rq"'), note="try")
    console.press("button.main")
    assert "/rules/history" in console.driver.current_url, console.text()
    console.driver.close()
    console.driver.switch_to.window(watching)
    console.until("an alert, live", lambda: console.all("tr[data-href]"))
    assert console.run("return window.unloaded") is False, "without loading the page again"
    assert "critical" in console.one("#rows").text
    console.go("/")
    assert "likely" in console.one("#open").text


def refuse_others(console):
    console.go("/settings")
    console.one("summary").click()
    form = console.one("form[action='/settings/users']")
    form.find_element(By.NAME, "name").send_keys("vera")
    form.find_element(By.NAME, "password").send_keys(PASSWORD)
    console.press("form[action='/settings/users'] button")
    assert "vera" in console.one("#users + .scroll").text
    console.press(".who button")
    console.log_in("vera")
    assert "ada" not in (console.go("/settings") or console.text()), "users are an admin's business"
    send = """const [path, csrf] = arguments;
        return fetch(path, {method: 'POST', body: new URLSearchParams({csrf})}).then((r) => r.status)"""
    assert not console.all("form[action*='/test']"), "no button for a sink"
    csrf = console.one("[name=csrf]").get_attribute("value")
    for path in ["/settings/sinks/nowhere/test", "/rules/reload", "/rules/suppressions/1", "/settings/users"]:
        assert console.run(send, path, csrf) in (403, 422), path
    console.go("/rules/upload")
    assert "needs the permission configure" in console.text(), console.text()
    shown = re.search(r"In the log this is ([0-9a-f]{16})", console.text())
    assert shown and shown[1] in Path(LOG).read_text(), "the id on the page is in the log"
    console.go("/alerts")
    alert = console.one("tr[data-href]").get_attribute("data-href")
    console.go(alert)
    assert not console.all(".triage"), "a viewer has no buttons"
    csrf = console.one("[name=csrf]").get_attribute("value")
    assert console.run(send, f"{alert}/acknowledge", csrf) == 403, "and may not without them either"
    assert console.run(send, "/logout", "0" * 64) == 403, "a form of somebody else's"
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in console.driver.get_cookies())
    request = urllib.request.Request(f"{BASE}{alert}/comment", b"csrf=&text=x", {"Cookie": cookie})
    try:
        urllib.request.urlopen(request, context=ssl._create_unverified_context())
        raise AssertionError("a form without its token was taken")
    except urllib.error.HTTPError as refused:
        assert refused.code == 403, refused.code
    console.press(".who button")
    console.log_in("ada")


def list_devices(console):
    """The hospital's list, with a mistake and without one: then a device has a name, an owner, and its peers."""
    head = "name,role,owner,phone,unit,ip\n"
    console.go("/devices/list")
    console.fill(text=head + "PACS north,archive,radiology IT,4712,Radiology,10.20.2.300\n")
    console.press("button[value=put]")
    console.until("the mistake", lambda: "line 2" in console.one(".wrong").text)
    console.fill(text=head + "PACS north,archive,radiology IT,4712,Radiology,10.20.2.10\n")
    console.press("button[value=put]")
    console.go("/devices?listed=true&sort=-last_seen")
    console.press("tr[data-href] a")
    assert console.one("h1").text == "PACS north, 10.20.2.10", console.text()
    for said in ["4712", "dicom.called_ae", "C-STORE SCP"]:
        assert said in console.text(), said
    assert "10.20.2.10" in console.one("svg.map title").get_attribute("textContent")
    console.one("figure summary").click()
    assert "10.20.1.11" in console.one("figure table").text


def pages(console):
    """Every page, one of each kind."""
    found = ["/", "/alerts", "/incidents", "/devices", "/devices/list",
             "/pumps", "/imaging", "/network", "/rules", "/rules/upload",
             "/rules/history", "/settings", "/settings/password", "/nosuchpage", f"/pumps/{PUMP}", "/pumps?q=nosuchpump",
             "/alerts?q=nosuchword", "/incidents?status=closed&severity=low", "/imaging?show=failing"]
    for of in ["/alerts", "/incidents", "/devices", "/pumps", "/rules"]:
        console.go(of)
        path = console.run("return document.querySelector('tr[data-href]')?.dataset.href")
        assert path, f"{of} has a row"
        found.append(path)
    return found


def look(console, path):
    problems = []
    slow = console.run("return performance.getEntriesByType('navigation')[0].responseEnd")
    if slow > 5000:
        problems.append(f"{slow} ms")
    for theme in ["light", "dark"]:
        console.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        )
        console.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE})
        found = console.driver.execute_async_script("axe.run().then(arguments[0])")["violations"]
        problems += [
            f"{theme}: {one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found if one["impact"] in ("serious", "critical")
        ]
    width = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    console.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", width)
    over = console.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    console.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    if over > 0:
        problems.append(f"scrolls sideways by {over} px at 375 px")
    problems += console.complaints()
    return [f"{path}: {problem}" for problem in problems]


def look_at_everything(console):
    console.complaints()
    problems = []
    for path in pages(console):
        console.go(path)
        problems += look(console, path)
    assert not problems, "\n".join(problems)


def hand_over(console):
    """On paper there is what the next shift has to know, and nothing to press."""
    console.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    for path in ["/", "/alerts", "/incidents", f"/pumps/{PUMP}"]:
        console.go(path)
        assert console.run(shown, ".head") == "none", path
        assert console.run(shown, "#strip") != "none" and console.run(shown, "main table") != "none", path
        assert console.run("return getComputedStyle(document.querySelector('.scroll')).maxHeight") == "none", path
        buttons = "return [...document.querySelectorAll('main button')].filter((b) => b.offsetParent !== null).length"
        assert console.run(buttons) == 0, f"{path}: buttons on paper"
    paper = console.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert len(paper["data"]) > 10_000, "it can be printed"
    console.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def without_script(console):
    """What the server sends is whole: with the script off, an alert can be found and acknowledged."""
    everything = pages(console)
    console.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    for path in everything:
        console.go(path)
        assert console.one("main h1").text, f"{path} is whole without script"
    console.go("/alerts?rule=seen-by-the-browser&status=open")
    link = console.one("tr[data-href] td.wide a").get_attribute("href")
    console.driver.get(link)
    assert "UTC" in console.one("#state").text, "times say what they are"
    console.one("[data-key=a]").click()
    deadline = time.monotonic() + PATIENCE
    while "acknowledged" not in console.shown("#state"):
        assert time.monotonic() < deadline, "acknowledged without script"
        time.sleep(0.2)
    console.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def main():
    driver = start()
    try:
        console = Console(driver)
        for step in [set_up, log_in, look_at_a_pump, handle_an_alert, miss_nothing, tell_the_truth, watch_an_alert_arrive, settle, try_rules,
                     refuse_others, list_devices, look_at_everything, hand_over, without_script]:
            print(step.__name__, flush=True)
            step(console)
        left = console.complaints()
        assert not left, json.dumps(left, indent=1)
    finally:
        driver.quit()


main()
