"""Walks through the console in headless Chromium: console.py URL SETUP_TOKEN LOG.

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
from pathlib import Path

import axe_core_python
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

BASE, TOKEN, LOG = sys.argv[1:4]
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
        except StaleElementReferenceException:
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

    def until(self, what, holds):
        try:
            wait = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
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
    console.one("body").send_keys("j")
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
    console.go("/rules/upload")
    assert "needs the permission configure" in console.text(), console.text()
    shown = re.search(r"In the log this is ([0-9a-f]{16})", console.text())
    assert shown and shown[1] in Path(LOG).read_text(), "the id on the page is in the log"
    console.go("/alerts")
    alert = console.one("tr[data-href]").get_attribute("data-href")
    console.go(alert)
    assert not console.all(".triage"), "a viewer has no buttons"
    csrf = console.one("[name=csrf]").get_attribute("value")
    send = """const [path, csrf] = arguments;
        return fetch(path, {method: 'POST', body: new URLSearchParams({csrf})}).then((r) => r.status)"""
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
    found = ["/", "/alerts", "/incidents", "/devices", "/devices/list", "/pumps", "/imaging", "/network", "/rules", "/rules/upload",
             "/rules/history", "/settings", "/settings/password", "/nosuchpage"]
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


def without_script(console):
    """What the server sends is whole: with the script off, an alert can be found and acknowledged."""
    console.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
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
        for step in [set_up, log_in, handle_an_alert, watch_an_alert_arrive, refuse_others, list_devices, look_at_everything,
                     without_script]:
            print(step.__name__, flush=True)
            step(console)
        left = console.complaints()
        assert not left, json.dumps(left, indent=1)
    finally:
        driver.quit()


main()
