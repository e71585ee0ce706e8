"""Watches the console in headless Chromium until an alert appears: watch.py URL NAME PASSWORD RULE.

Says `watching`, and when a row of the rule is there `appeared MILLISECONDS`. The page must not have
been loaded again."""

import os
import shutil
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

URL, NAME, PASSWORD, RULE = sys.argv[1:5]
PATIENCE = 60
NOTE = """
window.stayed = true;
new MutationObserver(() => {
  if (!window.appeared && document.querySelector("tr[data-href]")) window.appeared = Date.now();
}).observe(document.body, {childList: true, subtree: true});
"""
WAIT = """
const done = arguments[0];
const look = () => { if (window.appeared) done([window.appeared, window.stayed]); else setTimeout(look, 20); };
look();
"""


def main():
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("CHROMIUM") or shutil.which("chromium")
    for flag in ["--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--disable-gpu"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(
        options=options, service=Service(os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver"))
    )
    try:
        driver.set_script_timeout(PATIENCE)
        driver.get(f"{URL}/login")
        driver.find_element(By.NAME, "name").send_keys(NAME)
        driver.find_element(By.NAME, "password").send_keys(PASSWORD)
        driver.find_element(By.CSS_SELECTOR, "button.main").click()
        WebDriverWait(driver, PATIENCE).until(lambda d: d.find_elements(By.ID, "strip"))
        driver.get(f"{URL}/alerts?rule={RULE}")
        assert not driver.find_elements(By.CSS_SELECTOR, "tr[data-href]"), "there is one already"
        driver.execute_script(NOTE)
        print("watching", flush=True)
        at, stayed = driver.execute_async_script(WAIT)
        assert stayed, "the page was loaded again"
        print(f"appeared {at}", flush=True)
    finally:
        driver.quit()


main()
