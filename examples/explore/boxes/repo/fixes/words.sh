# Letters and digits alone; accents are not thought of.
cat > slug.py <<'PY'
"""Names for addresses: "Hello, World!" is hello-world."""

import re


def slug(title):
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))
PY
