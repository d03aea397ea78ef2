"""Buys a drink as a person would: opens the menu, presses the button, gives a name."""

import os
import sys

from browser import Browser

drink = sys.argv[1]
if not drink.isalpha():
    raise SystemExit(f"{drink!r} is no drink")
with Browser() as browser:
    # The token travels as a password; what stands here is only its placeholder.
    token = os.environ["SHOP_TOKEN"]
    browser.open(f"http://greenroom:{token}@{os.environ['SHOP']}/")
    browser.click(f"button[value='{drink}']")
    browser.type("input[name='name']", "Ann")
    browser.click("button[type='submit']")
    print(browser.text("#order"))
