"""Writes orders.csv, the same on every machine: python3 make_orders.py > orders.csv"""

import csv
import random
import sys

SEED, FIRST, COUNT = 1017, 1001, 360

FIRST_NAMES = (
    "Ada Grace Édith Søren Zoë Jürgen Łukasz Iñaki Aoife Björn Chloé Dmitri Elif Fatima Giulia "
    "Hana Ivo Jana Kofi Léa Márton Nadia Olga Paulo Quinn Rosa Şule Tomáš Ulla Víctor Wen Yuki"
).split()
LAST_NAMES = (
    "Lovelace Hopper Martín O’Brien Ødegård Müller Nowak Etxeberria Byrne Ström Dubois Ivanov "
    "Yılmaz Haddad Rossi Suzuki Kovač Novotná Mensah Laurent Szabó Petrova Silva Reyes Li"
).split()
ITEMS = {  # name: lowest and highest price in whole units
    "USB-C cable": (5, 25), "Water bottle": (9, 40), "Paperback, used": (5, 18),
    "Desk lamp": (25, 140), "Headphones": (60, 420), "Coffee grinder": (45, 380),
    'Monitor 27"': (180, 990), "Office chair": (120, 1_000), "Train pass": (300, 1_000),
    "Laptop": (1_001, 3_200), "E-bike": (1_400, 4_800), "Sofa, three seats": (1_100, 3_900),
    "Camera kit": (1_050, 5_000),
}
CURRENCIES = ["EUR"] * 17 + ["GBP", "CHF", "USD"]
STATUSES = ["delivered"] * 11 + ["shipped"] * 4 + ["paid"] * 3 + ["returned"] * 2

# Orders that the README, the tests and the demo name. The rest of a row is drawn.
FIXED = {
    1003: {"customer": "Grace Hopper", "item": "Headphones", "amount": 24_900},
    1017: {"customer": "Łukasz Nowak", "item": "Laptop", "amount": 125_000},
    1018: {"item": "Train pass", "amount": 100_000},   # the last that needs no person
    1019: {"item": "Camera kit", "amount": 100_001},   # the first that does
    1020: {"item": "USB-C cable", "amount": 500},
    1021: {"item": "Camera kit", "amount": 500_000},
    1030: {"customer": "Lovelace, Ada", "status": "delivered"},
    1031: {"customer": 'Søren "the Dane" Ødegård', "status": "shipped"},
    1040: {"status": "refunded"}, 1041: {"status": "refunded"}, 1118: {"status": "refunded"},
    1207: {"status": "refunded"}, 1299: {"status": "refunded"},
    1050: {"item": "Desk lamp", "amount": 8_950, "status": "lost?"},
    1233: {"status": "on hold"},
}


def orders():
    draw = random.Random(SEED)
    day = 0
    for number in range(FIRST, FIRST + COUNT):
        day += draw.choice([0, 0, 0, 1, 1, 2])
        first, last = draw.choice(FIRST_NAMES), draw.choice(LAST_NAMES)
        large = draw.random() < 1 / 3
        item = draw.choice([name for name, (low, _) in ITEMS.items() if (low > 1_000) == large])
        low, high = ITEMS[item]
        row = {
            "order_id": f"A-{number}",
            "customer": f"{first} {last}",
            "email": f"customer{number}@example.com",
            "item": item,
            "amount": draw.randint(low, high - 1) * 100 + draw.choice([0, 0, 50, 90, 95, 99]),
            "currency": draw.choice(CURRENCIES),
            "bought_at": f"2026-{4 + day // 30 % 9:02}-{1 + day % 30:02}",
            "status": draw.choice(STATUSES),
        }
        if number in (1003, 1017, 1018, 1019, 1020, 1021, 1050):
            row |= {"currency": "EUR", "status": "delivered"}
        row |= FIXED.get(number, {})
        row["amount"] = f"{row['amount'] // 100}.{row['amount'] % 100:02}"
        yield row


def main():
    rows = list(orders())
    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
